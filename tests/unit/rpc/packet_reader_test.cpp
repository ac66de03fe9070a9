// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/packet_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include "rpc_fixture.h"

namespace polyvirt::rpc {
namespace {

using testing::HasSubstr;

class PacketReaderTest : public testing::Test, public PacketReader::Sink {
  protected:
    void on_packet(const Header& header, PacketBuffer packet, std::vector<UniqueFd> fds) override {
        got.push_back({header, text_of({packet.data() + kHeadBytes, packet.size() - kHeadBytes}),
                       std::move(fds)});
        largest = std::max(largest, packet.capacity());
    }
    void on_dropped(const Header& header) override { dropped.push_back(header.serial); }

    PacketReader::Fault feed(const Buffer& bytes, std::vector<UniqueFd> fds = {}) {
        return reader.feed(0, bytes, std::move(fds), *this);
    }
    static std::vector<UniqueFd> one_fd() {
        std::vector<UniqueFd> fds;
        fds.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        return fds;
    }
    static Buffer with_fds(std::uint32_t n, std::string_view rest = "rest") {
        Buffer count(4);
        protocol::store_be32(count.data(), n);
        return make_packet(call_header(7, 3, MsgType::call_with_fds),
                           text_of(count) + std::string(rest));
    }

    std::shared_ptr<Budget> budget = std::make_shared<Budget>(1 << 20);
    PacketReader reader{budget};
    std::vector<Received> got;
    std::vector<std::uint32_t> dropped;
    std::size_t largest = 0;
};

TEST_F(PacketReaderTest, a_packet_may_come_byte_by_byte) {
    const Buffer packet = make_packet(call_header(66, 5), "payload!");
    for (const std::uint8_t byte : packet) {
        ASSERT_TRUE(got.empty());
        ASSERT_EQ(feed({byte}), nullptr);
    }
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].header, call_header(66, 5));
    EXPECT_EQ(got[0].payload, "payload!");
}

TEST_F(PacketReaderTest, many_packets_may_come_in_one_read_and_the_last_in_part) {
    Buffer bytes;
    for (std::uint32_t i = 0; i < 100; ++i) {
        const Buffer one = make_packet(call_header(1, i), std::string(i, 'x'));
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    const Buffer head(bytes.begin(), bytes.end() - 3), tail(bytes.end() - 3, bytes.end());
    EXPECT_EQ(feed(head), nullptr);
    EXPECT_EQ(got.size(), 99U);
    EXPECT_EQ(feed(tail), nullptr);
    ASSERT_EQ(got.size(), 100U);
    for (std::uint32_t i = 0; i < 100; ++i)
        EXPECT_EQ(got[i].payload.size(), i);
}

TEST_F(PacketReaderTest, lengths_outside_the_limits_end_it) {
    for (const std::uint32_t length : {0U, 4U, 27U, 33'554'437U, 0xffffffffU}) {
        PacketReader fresh(budget);
        Buffer word(4);
        protocol::store_be32(word.data(), length);
        EXPECT_NE(fresh.feed(0, word, {}, *this), nullptr) << length;
    }
    Buffer word(4);
    protocol::store_be32(word.data(), 33'554'436U);
    EXPECT_EQ(feed(word), nullptr);
    EXPECT_TRUE(got.empty());
}

TEST_F(PacketReaderTest, the_packet_limit_can_be_lowered) {
    reader.set_max_packet(100);
    EXPECT_EQ(feed(make_packet(call_header(1, 1), std::string(72, 'a'))), nullptr);
    EXPECT_THAT(feed(make_packet(call_header(1, 1), std::string(73, 'a'))), HasSubstr("longer"));
}

TEST_F(PacketReaderTest, memory_grows_with_the_bytes_and_not_with_the_length_word) {
    Buffer head = make_packet(call_header(1, 1));
    protocol::store_be32(head.data(), 30U << 20);
    ASSERT_EQ(feed(head), nullptr);
    EXPECT_LE(budget->used(), 8192U);
    std::size_t arrived = head.size();
    while (arrived < 200'000) {
        const auto room = reader.direct_room();
        ASSERT_FALSE(room.empty());
        const std::size_t n = std::min<std::size_t>(room.size(), 1000);
        std::fill_n(room.begin(), n, std::uint8_t{'z'});
        ASSERT_EQ(reader.feed(n, {}, {}, *this), nullptr);
        arrived += n;
        ASSERT_LE(budget->used(), 2 * arrived + 8192);
    }
}

TEST_F(PacketReaderTest, what_was_written_in_place_and_what_followed_make_one_packet) {
    const Buffer packet = make_packet(call_header(1, 9), std::string(10'000, 'q') + "end");
    ASSERT_EQ(feed({packet.begin(), packet.begin() + 50}), nullptr);
    const auto room = reader.direct_room();
    const std::size_t n = std::min(room.size(), packet.size() - 50);
    std::copy_n(packet.begin() + 50, n, room.begin());
    Buffer rest(packet.begin() + 50 + static_cast<std::ptrdiff_t>(n), packet.end());
    const Buffer next = make_packet(call_header(2, 10), "next");
    rest.insert(rest.end(), next.begin(), next.end());
    ASSERT_EQ(reader.feed(n, rest, {}, *this), nullptr);
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].payload, std::string(10'000, 'q') + "end");
    EXPECT_EQ(got[1].payload, "next");
}

TEST_F(PacketReaderTest, a_packet_beyond_the_budget_is_dropped_and_the_next_one_read) {
    const Buffer big = make_packet(call_header(1, 1), std::string(2 << 20, 'b'));
    ASSERT_EQ(feed({big.begin(), big.begin() + 5000}), nullptr);
    ASSERT_EQ(feed({big.begin() + 5000, big.end()}), nullptr);
    EXPECT_EQ(feed(make_packet(call_header(1, 2), "small")), nullptr);
    EXPECT_EQ(dropped, std::vector<std::uint32_t>{1});
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].payload, "small");
}

TEST_F(PacketReaderTest, the_budget_is_given_back_with_the_packet) {
    EXPECT_EQ(feed(make_packet(call_header(1, 1), std::string(5000, 'b'))), nullptr);
    EXPECT_EQ(budget->used(), 0U);
}

TEST_F(PacketReaderTest, descriptors_follow_the_packet_one_byte_each) {
    ASSERT_EQ(feed(with_fds(2)), nullptr);
    ASSERT_EQ(feed({0}, one_fd()), nullptr);
    EXPECT_TRUE(got.empty());
    ASSERT_EQ(feed({0}, one_fd()), nullptr);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].fds.size(), 2U);
}

TEST_F(PacketReaderTest, the_first_descriptor_may_come_with_the_packets_own_bytes) {
    Buffer bytes = with_fds(1);
    bytes.push_back(0); // Linux returns both in one read
    ASSERT_EQ(feed(bytes, one_fd()), nullptr);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].fds.size(), 1U);
}

TEST_F(PacketReaderTest, a_byte_without_its_descriptor_ends_it) {
    ASSERT_EQ(feed(with_fds(2)), nullptr);
    ASSERT_EQ(feed({0}, one_fd()), nullptr);
    EXPECT_NE(feed({0}), nullptr);
    EXPECT_TRUE(got.empty());
}

TEST_F(PacketReaderTest, thirty_two_descriptors_are_taken_and_thirty_three_end_it) {
    ASSERT_EQ(feed(with_fds(32)), nullptr);
    for (int i = 0; i < 32; ++i)
        ASSERT_EQ(feed({0}, one_fd()), nullptr);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].fds.size(), 32U);
    EXPECT_THAT(feed(with_fds(33)), HasSubstr("descriptors"));
}

TEST_F(PacketReaderTest, zero_descriptors_announced_are_a_plain_call) {
    ASSERT_EQ(feed(with_fds(0)), nullptr);
    EXPECT_EQ(got.size(), 1U);
}

TEST_F(PacketReaderTest, a_call_with_descriptors_needs_their_number) {
    EXPECT_NE(feed(make_packet(call_header(1, 1, MsgType::call_with_fds))), nullptr);
}

TEST_F(PacketReaderTest, descriptors_nobody_announced_are_closed) {
    auto fds = one_fd();
    const int number = fds[0].get();
    ASSERT_EQ(feed(make_packet(call_header(1, 1), "data"), std::move(fds)), nullptr);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_TRUE(got[0].fds.empty());
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

} // namespace
} // namespace polyvirt::rpc
