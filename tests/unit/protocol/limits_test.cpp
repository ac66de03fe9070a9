// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Every bound of every field, in both directions: at the limit it passes, one above it does not,
// and a count that cannot be true costs no memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/any_struct.h"

namespace polyvirt::test {
namespace {

using testing::HasSubstr;

void for_each_field(const std::function<void(const Layout&, const FieldLayout&)>& act) {
    for (const Layout* layout : protocol::layouts()) {
        for (const FieldLayout& f : layout->fields) {
            if (!layout->arms.empty() && &f == layout->fields.data()) continue; // a union's tag
            SCOPED_TRACE(std::string(layout->name) + "." + f.name);
            act(*layout, f);
            if (testing::Test::HasFailure()) return;
        }
    }
}

bool has_text(const FieldLayout& f) { return f.shape == Shape::str || f.shape == Shape::blob; }

std::int32_t arm_of(const Layout& layout, const FieldLayout& f) {
    return layout.arms[static_cast<std::size_t>(&f - layout.fields.data()) - 1];
}

// All that stands before and behind field `f` in a message, as small as it can be.
struct Around {
    Wire before, behind;
};

Around around(const Layout& layout, const FieldLayout& f) {
    Writer before, behind;
    if (!layout.arms.empty()) {
        before.number(static_cast<std::uint32_t>(arm_of(layout, f)), 4);
        return {before.take(), {}};
    }
    AnyStruct least(layout);
    Filler(least.arena(), nullptr).fill(layout, least.at());
    for (const FieldLayout& other : layout.fields) {
        if (&other < &f) before.field(other, least.field(other));
        if (&other > &f) behind.field(other, least.field(other));
    }
    return {before.take(), behind.take()};
}

Wire count_word(std::uint32_t n, bool flag = false) {
    Writer w;
    if (flag) w.number(1, 4);
    w.number(n, 4);
    return w.take();
}

Wire least_item(const FieldLayout& f) {
    Writer w;
    if (f.shape == Shape::object) {
        AnyStruct least(*f.object);
        Filler(least.arena(), nullptr).fill(*f.object, least.at());
        w.object(*f.object, least.at());
    } else if (f.shape == Shape::raw) {
        w.bytes(Wire(f.bytes).data(), f.bytes);
    } else {
        w.number(0, has_text(f) || size_of(f.shape) <= 4 ? 4 : 8);
    }
    return w.take();
}

// A message as long as any may be: zeros, but for what a test writes into it.
class BigMessage {
  public:
    void write(const Wire& bytes) {
        ASSERT_LE(at_ + bytes.size(), kSize);
        std::copy(bytes.begin(), bytes.end(), zeros_.get() + at_);
        written_.emplace_back(at_, bytes.size());
        at_ += bytes.size();
    }
    void skip(std::size_t n) { at_ += n; }
    // Decodes what was written, and no byte more; all zeros again thereafter.
    bool decodes(const Layout& layout) {
        AnyStruct read(layout);
        protocol::Decoder decoder({zeros_.get(), at_}, read.arena());
        const bool good = layout.decode(decoder, read.at());
        // Texts may have moved down by a word.
        for (const auto& [from, n] : written_) std::memset(zeros_.get() + from, 0, n);
        written_.clear();
        at_ = 0;
        return good;
    }

  private:
    static constexpr std::size_t kSize = protocol::kMaxPacket - protocol::kMinPacket;
    struct Free {
        void operator()(std::uint8_t* p) const { std::free(p); }
    };
    std::unique_ptr<std::uint8_t, Free> zeros_{static_cast<std::uint8_t*>(std::calloc(kSize, 1))};
    std::size_t at_ = 0;
    std::vector<std::pair<std::size_t, std::size_t>> written_;
};

TEST(Limits, a_list_of_one_item_too_many_is_refused) {
    BigMessage message;
    int seen = 0;
    for_each_field([&](const Layout& layout, const FieldLayout& f) {
        if (f.holder != Holder::list) return;
        ++seen;
        const auto [before, behind] = around(layout, f);
        const Wire item = least_item(f);
        const bool zero =
            std::all_of(item.begin(), item.end(), [](std::uint8_t b) { return b == 0; });
        for (const std::uint32_t n : {f.limit, f.limit + 1}) {
            message.write(before);
            message.write(count_word(n));
            if (zero) message.skip(n * item.size());
            for (std::uint32_t i = 0; !zero && i < n; ++i) message.write(item);
            message.write(behind);
            ASSERT_EQ(message.decodes(layout), n <= f.limit) << n;
        }
    });
    EXPECT_GT(seen, 90);
}

TEST(Limits, a_text_of_one_byte_too_many_is_refused) {
    BigMessage message;
    int seen = 0;
    for_each_field([&](const Layout& layout, const FieldLayout& f) {
        if (!has_text(f)) return;
        ++seen;
        const auto [before, behind] = around(layout, f);
        for (const std::uint32_t n : {f.bytes, f.bytes + 1}) {
            message.write(before);
            message.write(count_word(n, f.holder != Holder::one));
            message.skip((n + 3) / 4 * 4);
            message.write(behind);
            ASSERT_EQ(message.decodes(layout), n <= f.bytes) << n;
        }
    });
    EXPECT_GT(seen, 300);
}

TEST(Limits, a_count_beyond_the_message_allocates_nothing) {
    for_each_field([](const Layout& layout, const FieldLayout& f) {
        if (f.holder != Holder::list && !has_text(f)) return;
        const std::uint32_t limit = f.holder == Holder::list ? f.limit : f.bytes;
        for (const std::uint32_t n : {limit, 0x7fffffffu, 0x80000000u, 0xfffffffcu, 0xffffffffu}) {
            Wire wire = around(layout, f).before;
            const Wire word = count_word(n, f.holder == Holder::optional);
            wire.insert(wire.end(), word.begin(), word.end());
            ExactBuffer buffer(wire);
            AnyStruct read(layout);
            Arena arena;
            protocol::Decoder decoder(buffer.span(), arena);
            ASSERT_FALSE(layout.decode(decoder, read.at())) << n;
            ASSERT_EQ(arena.heap_bytes(), 0u) << n;
        }
    });
}

TEST(Limits, the_encoder_names_the_field_the_size_and_the_limit) {
    std::unique_ptr<void, decltype(&std::free)> zeros(std::calloc(64u << 20, 1), &std::free);
    for_each_field([&](const Layout& layout, const FieldLayout& f) {
        const bool list = f.holder == Holder::list;
        if (!list && !has_text(f)) return;
        const std::uint32_t limit = list ? f.limit : f.bytes;
        AnyStruct value(layout);
        Filler(value.arena(), nullptr).fill(layout, value.at());
        if (!layout.arms.empty()) {
            const std::int32_t tag = arm_of(layout, f);
            std::memcpy(value.at(), &tag, sizeof tag);
        }
        if (list) {
            ASSERT_LE((limit + 1) * f.list.item_size, 64u << 20);
            f.list.set(value.field(f), zeros.get(), limit + 1);
        } else if (f.shape == Shape::str) {
            const protocol::Str text{static_cast<const char*>(zeros.get()), limit + 1};
            std::memcpy(value.field(f), &text, sizeof text);
        } else {
            const protocol::Bytes bytes{static_cast<const std::uint8_t*>(zeros.get()), limit + 1};
            std::memcpy(value.field(f), &bytes, sizeof bytes);
        }
        std::string failure;
        encoded(value, &failure);
        if (layout.arms.empty()) {
            ASSERT_THAT(failure, HasSubstr(std::string(".") + f.name + " has "));
        }
        ASSERT_THAT(failure, HasSubstr(" has " + std::to_string(limit + 1) + ","));
        ASSERT_THAT(failure, HasSubstr("limit is " + std::to_string(limit)));
    });
}

} // namespace
} // namespace polyvirt::test
