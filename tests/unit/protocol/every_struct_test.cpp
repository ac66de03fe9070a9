// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Every struct of the wire, none left out: there and back, cut short, spoilt.

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/any_struct.h"

namespace polyvirt::test {
namespace {

constexpr int kSeeds = 12;

void for_each_value(int seeds, const std::function<void(const AnyStruct&, std::mt19937_64&)>& act) {
    for (const Layout* layout : protocol::layouts()) {
        for (int seed = 0; seed < seeds; ++seed) {
            SCOPED_TRACE(std::string(layout->name) + ", seed " + std::to_string(seed));
            std::mt19937_64 random(static_cast<std::uint64_t>(seed));
            AnyStruct value(*layout);
            Filler(value.arena(), &random).fill(*layout, value.at());
            act(value, random);
            if (testing::Test::HasFailure()) return;
        }
    }
}

// Decodes `wire`; if that works, what was read must be encodable again.
bool decodes(const Layout& layout, std::span<const std::uint8_t> wire) {
    ExactBuffer buffer(wire);
    AnyStruct read(layout);
    protocol::Decoder decoder(buffer.span(), read.arena());
    if (!layout.decode(decoder, read.at())) {
        EXPECT_TRUE(decoder.failed());
        return false;
    }
    EXPECT_EQ(encoded(read), bytes_of(read));
    return true;
}

TEST(EveryStruct, comes_back_as_it_was_sent) {
    for_each_value(kSeeds, [](const AnyStruct& value, std::mt19937_64&) {
        const Wire wire = encoded(value);
        ASSERT_EQ(wire, bytes_of(value));
        ExactBuffer buffer(wire);
        AnyStruct read(value.layout());
        protocol::Decoder decoder(buffer.span(), read.arena());
        ASSERT_TRUE(value.layout().decode(decoder, read.at()));
        EXPECT_EQ(decoder.left(), 0u);
        EXPECT_EQ(bytes_of(read), wire);
    });
}

TEST(EveryStruct, cut_short_at_any_byte_is_refused) {
    for_each_value(3, [](const AnyStruct& value, std::mt19937_64&) {
        const Wire wire = bytes_of(value);
        for (std::size_t n = 0; n < wire.size(); ++n)
            ASSERT_FALSE(decodes(value.layout(), std::span(wire).first(n)))
                << n << " of " << wire.size();
    });
}

TEST(EveryStruct, bytes_left_over_are_ignored) {
    for_each_value(1, [](const AnyStruct& value, std::mt19937_64&) {
        Wire wire = bytes_of(value);
        wire.insert(wire.end(), {1, 2, 3, 4, 5});
        ASSERT_TRUE(decodes(value.layout(), wire));
    });
}

TEST(EveryStruct, spoilt_words_are_refused_or_read_never_more) {
    for_each_value(6, [](const AnyStruct& value, std::mt19937_64& random) {
        const Wire wire = bytes_of(value);
        constexpr std::uint32_t kWords[] = {0,       1,        3,          0xff,
                                            0x10000, 0x400000, 0x7fffffff, 0xffffffff};
        for (std::size_t at = 0; at + 4 <= wire.size(); at += 4) {
            Wire spoilt = wire;
            protocol::store_be32(spoilt.data() + at, kWords[random() % std::size(kWords)]);
            decodes(value.layout(), spoilt);
        }
    });
}

TEST(EveryStruct, of_noise_is_refused_or_read_never_more) {
    for_each_value(4, [](const AnyStruct& value, std::mt19937_64& random) {
        Wire noise(random() % 200);
        // Small numbers, so that counts and flags often pass.
        for (std::uint8_t& b : noise)
            b = static_cast<std::uint8_t>(random() % 4 == 0 ? random() % 4 : 0);
        decodes(value.layout(), noise);
    });
}

} // namespace
} // namespace polyvirt::test
