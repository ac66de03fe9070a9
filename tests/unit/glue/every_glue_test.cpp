// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Every procedure that leads to an op, there and back: arguments made from the wire's layouts, results of
// a driver that fills everything. Then the same with bytes that no client would send.

#include <algorithm>
#include <random>

#include <gmock/gmock.h>

#include <polyvirt/abi/gen/ops.h>

#include "tests/support/any_struct.h"
#include "tests/unit/glue/glue_fixture.h"

namespace polyvirt::test {
namespace {

const protocol::MessageLayouts& layouts_of(const Glue& glue) {
    return protocol::message_layouts(glue.program)[static_cast<std::size_t>(glue.proc) - 1];
}

// Arguments that name the registry's objects; numbers are 1, texts "x", lists have an item, nothing is absent.
class KnownFiller {
  public:
    explicit KnownFiller(Arena& arena) : arena_(arena) {}

    void fill(const Layout& layout, void* at) {
        layout.construct(at);
        if (!layout.arms.empty()) {
            std::memcpy(at, &layout.arms[0], sizeof(std::int32_t));
            return;
        }
        for (const FieldLayout& f : layout.fields) fill_field(f, static_cast<char*>(at) + f.offset);
    }

  private:
    void fill_field(const FieldLayout& f, void* at) {
        const std::size_t item = f.shape == Shape::object ? f.object->size : size_of(f.shape);
        switch (f.holder) {
        case Holder::one: return fill_item(f, at);
        case Holder::optional: {
            if (f.shape == Shape::str) return fill_item(f, at);
            void* made = arena_.allocate(item, alignof(std::max_align_t));
            fill_item(f, made);
            std::memcpy(at, &made, sizeof made);
            return;
        }
        case Holder::list: {
            void* items = arena_.allocate(f.list.item_size, alignof(std::max_align_t));
            std::memset(items, 0, f.list.item_size);
            fill_item(f, items);
            f.list.set(at, items, 1);
            return;
        }
        case Holder::vec:
            for (std::size_t i = 0; i < f.count; ++i) fill_item(f, static_cast<char*>(at) + i * item);
        }
    }

    void fill_item(const FieldLayout& f, void* at) {
        static constexpr std::uint64_t kOne = 1;
        static constexpr std::uint8_t kBlob[] = {1, 2, 3};
        const protocol::Str text = to_str("x");
        const protocol::Bytes blob{kBlob, 3};
        switch (f.shape) {
        case Shape::object: return fill(*f.object, at);
        case Shape::str: std::memcpy(at, &text, sizeof text); return;
        case Shape::blob: std::memcpy(at, &blob, sizeof blob); return;
        case Shape::raw: std::memcpy(at, kUuid.data(), std::min<std::size_t>(f.bytes, kUuid.size())); return;
        default: std::memcpy(at, &kOne, size_of(f.shape)); return;
        }
    }

    Arena& arena_;
};

// Names of the fields that hold nothing: zero, empty, absent. Unions are not looked into.
void collect_empty(const Layout& layout, const void* at, std::vector<std::string>& empty) {
    if (!layout.arms.empty()) return;
    for (const FieldLayout& f : layout.fields) {
        const auto* field = static_cast<const char*>(at) + f.offset;
        const auto none = [&](std::size_t n) { return std::all_of(field, field + n, [](char c) { return c == 0; }); };
        std::size_t n = 1;
        bool is_empty = false;
        if (f.holder == Holder::list) {
            const auto* items = static_cast<const char*>(f.list.items(field, n));
            is_empty = n == 0;
            for (std::size_t i = 0; i < n && f.shape == Shape::object; ++i)
                collect_empty(*f.object, items + i * f.list.item_size, empty);
        } else if (f.shape == Shape::object) {
            collect_empty(*f.object, field, empty);
        } else if (f.shape == Shape::str) {
            is_empty = read<protocol::Str>(field).size == 0;
        } else if (f.shape == Shape::blob) {
            is_empty = read<protocol::Bytes>(field).size == 0;
        } else {
            is_empty = none(f.shape == Shape::raw ? f.bytes : size_of(f.shape));
        }
        if (is_empty) empty.emplace_back(std::string(layout.name) + "." + f.name);
    }
}

class EveryGlue : public GlueTest {
  protected:
    template <typename F> void for_each(F f) {
        for (const auto table : dispatch::all_glue())
            for (const Glue& g : table) {
                glue = &g;
                SCOPED_TRACE(std::string(proc_of(g).name) + " -> " + g.name);
                f(g);
            }
    }

    std::unique_ptr<WireCall> prepare_known(const Glue& g) {
        AnyStruct args(*layouts_of(g).args);
        KnownFiller(args.arena()).fill(args.layout(), args.at());
        return prepare_bytes(bytes_of(args));
    }
};

TEST_F(EveryGlue, is_found_by_program_and_number) {
    std::size_t n = 0;
    for_each([&](const Glue& g) {
        ++n;
        EXPECT_EQ(dispatch::find_glue(g.program, g.proc), &g);
        EXPECT_EQ(proc_of(g).role, protocol::Role::call);
    });
    EXPECT_GE(n, 250u);
    EXPECT_EQ(dispatch::find_glue(remote::kProgram, 1), nullptr);
    EXPECT_EQ(dispatch::find_glue(remote::kProgram, 9999), nullptr);
    EXPECT_EQ(dispatch::find_glue(1, 10), nullptr);
}

TEST_F(EveryGlue, brings_arguments_to_the_op_and_its_results_back) {
    for_each([&](const Glue& g) {
        auto call = prepare_known(g);
        ASSERT_TRUE(ok) << (call->error ? call->error->message : "undecodable");
        std::uint32_t in_size = 0;
        std::memcpy(&in_size, call->in(), sizeof in_size);
        EXPECT_GE(in_size, 8u);
        fill_out(g.op, call->out(), build_service(), handles.data());
        protocol::Encoder encoder;
        g.encode(*call, encoder);
        ASSERT_FALSE(call->error) << call->error->message;
        ASSERT_FALSE(encoder.failed()) << encoder.failure();
        std::vector<std::uint8_t> bytes = encoder.take();
        AnyStruct ret(*layouts_of(g).ret);
        protocol::Decoder decoder(bytes, ret.arena());
        EXPECT_TRUE(ret.layout().decode(decoder, ret.at()));
        EXPECT_EQ(decoder.left(), 0u);
        std::vector<std::string> empty;
        collect_empty(ret.layout(), ret.at(), empty);
        // Zero while parameters are wanted, or always.
        std::erase_if(empty, [](const std::string& field) {
            return field.ends_with("_ret.nparams") || field == "remote::domain_rename_ret.retcode" ||
                   field == "remote::domain_agent_set_response_timeout_ret.result";
        });
        EXPECT_THAT(empty, ::testing::IsEmpty());
    });
}

TEST_F(EveryGlue, says_which_object_is_not_there) {
    driver.registry().clear();
    std::size_t missing = 0;
    for_each([&](const Glue& g) {
        auto call = prepare_known(g);
        if (ok) return; // needs no object
        ++missing;
        ASSERT_TRUE(call->error);
        EXPECT_NE(call->error->code, ErrorCode::internal_error);
        EXPECT_FALSE(call->error->message.empty());
    });
    EXPECT_GE(missing, 200u);
}

TEST_F(EveryGlue, fails_without_an_error_on_what_cannot_be_decoded) {
    for_each([&](const Glue& g) {
        AnyStruct args(*layouts_of(g).args);
        KnownFiller(args.arena()).fill(args.layout(), args.at());
        Wire bytes = bytes_of(args);
        if (bytes.empty()) return;
        bytes.resize(bytes.size() - 4);
        auto call = prepare_bytes(std::move(bytes));
        EXPECT_FALSE(ok);
        EXPECT_FALSE(call->error);
    });
}

TEST_F(EveryGlue, survives_random_arguments) {
    std::mt19937_64 random(20260101);
    for (int round = 0; round < 20; ++round)
        for_each([&](const Glue& g) {
            AnyStruct args(*layouts_of(g).args);
            Filler(args.arena(), &random).fill(args.layout(), args.at());
            auto call = prepare_bytes(bytes_of(args));
            if (!ok) return;
            fill_out(g.op, call->out(), build_service(), handles.data());
            protocol::Encoder encoder;
            g.encode(*call, encoder);
        });
}

// A driver that does nothing but say "done".
TEST_F(EveryGlue, replies_to_empty_results) {
    for_each([&](const Glue& g) {
        auto call = prepare_known(g);
        ASSERT_TRUE(ok);
        protocol::Encoder encoder;
        g.encode(*call, encoder);
        if (call->error) {
            // Only where an object had to be named.
            EXPECT_NE(call->error->message.find("without naming"), std::string::npos) << call->error->message;
            return;
        }
        std::vector<std::uint8_t> bytes = encoder.take();
        AnyStruct ret(*layouts_of(g).ret);
        protocol::Decoder decoder(bytes, ret.arena());
        EXPECT_TRUE(ret.layout().decode(decoder, ret.at()));
    });
}

} // namespace
} // namespace polyvirt::test
