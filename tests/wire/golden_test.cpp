// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Packets of the real client library (golden/, made by record/record): they decode to what was
// called and encode to the bytes that were recorded.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "host/protocol/gen/types.h"
#include "host/protocol/message.h"
#include "host/protocol/proc_info.h"
#include "tests/support/any_struct.h"

namespace polyvirt::test {
namespace {

using protocol::Header;
using protocol::MsgType;
using protocol::ProcInfo;

struct Golden {
    std::string call, procedure, type;
    std::vector<std::string> values;
    Wire packet;
};

std::filesystem::path folder() { return PV_GOLDEN; }

void add_hex(Wire& to, const std::string& text) {
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        to.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
}

Golden read_golden(const std::filesystem::path& path) {
    Golden golden;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (colon == std::string::npos)
            throw std::runtime_error(path.string() + ": not understood: " + line);
        const std::string key = line.substr(0, colon), rest = line.substr(colon + 2);
        if (key == "call")
            golden.call = rest;
        else if (key == "procedure")
            golden.procedure = rest;
        else if (key == "type")
            golden.type = rest;
        else if (key == "value")
            golden.values.push_back(rest);
        else if (key == "hex")
            add_hex(golden.packet, rest);
        else
            throw std::runtime_error(path.string() + ": unknown key " + key);
    }
    return golden;
}

// Decoded values as the lines that record/values.py writes.
class Lines {
  public:
    void object(const Layout& layout, const void* at, const std::string& path) {
        const auto* base = static_cast<const char*>(at);
        if (layout.arms.empty()) {
            for (const FieldLayout& f : layout.fields)
                field(f, base + f.offset, path.empty() ? f.name : path + "." + f.name);
            return;
        }
        const auto tag = read<std::int32_t>(at);
        out_.push_back(path + ".tag = " + std::to_string(tag));
        for (std::size_t i = 0; i < layout.arms.size(); ++i)
            if (layout.arms[i] == tag)
                field(layout.fields[i + 1], base + layout.fields[i + 1].offset, path + ".value");
    }
    [[nodiscard]] const std::vector<std::string>& lines() const { return out_; }

    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char c : text) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
            const bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
            out += plain ? std::string(1, c) : std::string(hex);
        }
        return out + '"';
    }

  private:
    void field(const FieldLayout& f, const void* at, const std::string& path) {
        std::size_t n = f.count;
        const void* items = at;
        std::size_t step = size_of(f.shape);
        switch (f.holder) {
        case Holder::one: return item(f, at, path);
        case Holder::optional: {
            const bool text = f.shape == Shape::str;
            const void* held = text ? read<protocol::Str>(at).data : read<const void*>(at);
            if (held == nullptr) return out_.push_back(path + " = absent");
            return item(f, text ? at : held, path);
        }
        case Holder::list:
            items = f.list.items(at, n);
            step = f.list.item_size;
            [[fallthrough]];
        case Holder::vec:
            out_.push_back(path + " = " + std::to_string(n) + " items");
            for (std::size_t i = 0; i < n; ++i)
                item(f, static_cast<const char*>(items) + i * step,
                     path + "[" + std::to_string(i) + "]");
        }
    }

    void item(const FieldLayout& f, const void* at, const std::string& path) {
        if (f.shape == Shape::object) return object(*f.object, at, path);
        out_.push_back(path + " = " + leaf(f, at));
    }

    static std::string hex(const void* at, std::size_t n) {
        std::string out = "hex ";
        for (std::size_t i = 0; i < n; ++i) {
            char two[3];
            std::snprintf(two, sizeof two, "%02x", static_cast<const std::uint8_t*>(at)[i]);
            out += two;
        }
        return out;
    }

    static std::string leaf(const FieldLayout& f, const void* at) {
        switch (f.shape) {
        case Shape::i8: return std::to_string(read<std::int8_t>(at));
        case Shape::u8: return std::to_string(read<std::uint8_t>(at));
        case Shape::i16: return std::to_string(read<std::int16_t>(at));
        case Shape::u16: return std::to_string(read<std::uint16_t>(at));
        case Shape::i32: return std::to_string(read<std::int32_t>(at));
        case Shape::u32: return std::to_string(read<std::uint32_t>(at));
        case Shape::i64: return std::to_string(read<std::int64_t>(at));
        case Shape::u64: return std::to_string(read<std::uint64_t>(at));
        case Shape::f64: {
            char text[40];
            std::snprintf(text, sizeof text, "%.17g", read<double>(at));
            return text;
        }
        case Shape::str: return quoted(read<protocol::Str>(at).view());
        case Shape::blob: {
            const auto v = read<protocol::Bytes>(at);
            return hex(v.data, v.size);
        }
        case Shape::raw: return hex(at, f.bytes);
        case Shape::object: break;
        }
        return "?";
    }

    std::vector<std::string> out_;
};

const Layout* layout_by_name(std::string_view name) {
    for (const Layout* layout : protocol::layouts())
        if (layout->name == name) return layout;
    return nullptr;
}

std::string type_name(MsgType type) {
    constexpr const char* kNames[] = {"call",          "reply",          "message",    "stream",
                                      "call_with_fds", "reply_with_fds", "stream_hole"};
    return kNames[static_cast<std::size_t>(type)];
}

class GoldenPacket : public testing::TestWithParam<std::string> {
  protected:
    GoldenPacket() : golden_(read_golden(folder() / (GetParam() + ".txt"))) {
        header_ = protocol::read_header(golden_.packet.data() + protocol::kLengthBytes);
    }

    [[nodiscard]] std::span<const std::uint8_t> payload() const {
        return std::span(golden_.packet).subspan(protocol::kMinPacket);
    }

    // The struct that is the payload; null for bytes of a stream.
    [[nodiscard]] const Layout* layout(const ProcInfo& proc) const {
        if (header_.type == MsgType::stream) return nullptr;
        if (header_.type == MsgType::stream_hole) return layout_by_name("stream_hole");
        const protocol::MessageLayouts& found =
            protocol::message_layouts(proc.program)[static_cast<std::size_t>(proc.id) - 1];
        return header_.type == MsgType::message ? found.event : found.args;
    }

    // Decodes the payload, fills `lines`, and makes the same packet anew.
    Wire made_again(const Layout* layout, std::vector<std::string>& lines) {
        std::vector<std::uint8_t> packet = protocol::begin_packet(header_);
        if (layout == nullptr) {
            const auto* text = reinterpret_cast<const char*>(payload().data());
            lines = {"data = " + Lines::quoted({text, payload().size()})};
            packet.insert(packet.end(), payload().begin(), payload().end());
        } else {
            ExactBuffer buffer(payload());
            AnyStruct value(*layout);
            protocol::Decoder decoder(buffer.span(), value.arena());
            protocol::Encoder encoder(std::move(packet));
            std::uint32_t fds = 0;
            if (header_.type == MsgType::call_with_fds && decoder.u32(fds)) encoder.put(fds);
            EXPECT_TRUE(layout->decode(decoder, value.at()));
            EXPECT_EQ(decoder.left(), 0u);
            Lines found;
            found.object(*layout, value.at(), "");
            lines = found.lines();
            layout->encode(encoder, value.at());
            EXPECT_EQ(encoder.failure(), "");
            packet = encoder.take();
        }
        protocol::finish_packet(packet);
        return packet;
    }

    Golden golden_;
    Header header_;
};

TEST_P(GoldenPacket, decodes_to_what_was_called_and_encodes_to_the_same_bytes) {
    SCOPED_TRACE(golden_.call);
    ASSERT_GE(golden_.packet.size(), protocol::kMinPacket);
    EXPECT_EQ(protocol::load_be32(golden_.packet.data()), golden_.packet.size());
    const ProcInfo* proc = protocol::find_proc(header_.prog, header_.proc);
    ASSERT_NE(proc, nullptr);
    EXPECT_EQ(std::string(protocol::program_name(proc->program)) + "." + proc->name,
              golden_.procedure);
    EXPECT_EQ(type_name(header_.type), golden_.type);
    std::vector<std::string> lines;
    EXPECT_EQ(made_again(layout(*proc), lines), golden_.packet);
    EXPECT_EQ(lines, golden_.values);
}

std::vector<std::string> names() {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
        if (entry.path().extension() == ".txt") found.insert(entry.path().stem().string());
    return {found.begin(), found.end()};
}

INSTANTIATE_TEST_SUITE_P(Recorded, GoldenPacket, testing::ValuesIn(names()), [](const auto& param) {
    std::string name = param.param;
    for (char& c : name)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return name;
});

TEST(GoldenPackets, are_of_many_procedures_and_of_every_shape) {
    std::set<std::string> procedures;
    std::set<std::pair<Holder, Shape>> shapes;
    std::set<std::int32_t> arms;
    const auto note = [&](const auto& self, const Layout& layout) -> void {
        for (const FieldLayout& f : layout.fields) {
            shapes.emplace(f.holder, f.shape);
            if (f.object != nullptr) self(self, *f.object);
        }
    };
    for (const std::string& name : names()) {
        const Golden golden = read_golden(folder() / (name + ".txt"));
        procedures.insert(golden.procedure);
        const Header header = protocol::read_header(golden.packet.data() + protocol::kLengthBytes);
        const auto found =
            protocol::message_layouts(header.prog)[static_cast<std::size_t>(header.proc) - 1];
        if (golden.type.starts_with("call")) note(note, *found.args);
        for (const std::string& value : golden.values)
            if (const std::size_t at = value.find(".tag = "); at != std::string::npos)
                arms.insert(std::stoi(value.substr(at + 7)));
    }
    EXPECT_GE(procedures.size(), 40u);
    EXPECT_EQ(arms, (std::set<std::int32_t>{1, 2, 3, 4, 5, 6, 7}));
    // Every shape that arguments have at all.
    std::set<std::pair<Holder, Shape>> all;
    shapes.swap(all);
    for (const std::uint32_t program : protocol::programs())
        for (const protocol::MessageLayouts& m : protocol::message_layouts(program))
            if (m.args != nullptr) note(note, *m.args);
    EXPECT_EQ(all, shapes);
}

} // namespace
} // namespace polyvirt::test
