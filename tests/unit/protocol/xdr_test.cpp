// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The habits of the decoder and the encoder that clients rely on (tables/framing.md, 2 and 3).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/protocol/gen/remote.h"
#include "host/protocol/message.h"
#include "host/protocol/xdr.h"
#include "tests/support/any_struct.h"

namespace polyvirt::protocol {
namespace {

using test::Wire;
using test::Writer;

// Decodes into a T; the buffer lives as long as the fixture, as texts point into it.
class Xdr : public testing::Test {
  protected:
    template <typename T> bool decode_into(T& v, const Wire& wire) {
        buffer_ = std::make_unique<test::ExactBuffer>(wire);
        Decoder decoder(buffer_->span(), arena_);
        return decode(decoder, v);
    }

    Writer w;
    Arena arena_;
    std::unique_ptr<test::ExactBuffer> buffer_;
};

TEST_F(Xdr, a_text_ends_with_a_nul_whatever_its_length) {
    for (std::size_t n = 0; n <= 9; ++n) {
        const std::string text(n, 'x');
        w.number(n, 4);
        w.bytes(text.data(), n);
        w.number(7, 4);
        remote::domain_create_xml_args v;
        ASSERT_TRUE(decode_into(v, w.take()));
        EXPECT_EQ(v.xml_desc.view(), text);
        EXPECT_EQ(v.xml_desc.data[n], '\0');
        EXPECT_EQ(v.flags, 7u);
    }
}

TEST_F(Xdr, a_text_is_cut_at_an_inner_nul) {
    w.number(6, 4);
    w.bytes("ab\0cde", 6);
    w.number(7, 4);
    remote::domain_create_xml_args v;
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_EQ(v.xml_desc.view(), "ab");
    EXPECT_EQ(v.flags, 7u);
}

TEST_F(Xdr, a_text_may_hold_any_byte_but_nul) {
    w.number(4, 4);
    w.bytes("\xff\x80\x01\n", 4);
    w.number(0, 4);
    remote::domain_create_xml_args v;
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_EQ(v.xml_desc.view(), "\xff\x80\x01\n");
}

TEST_F(Xdr, padding_is_not_checked) {
    w.number(1, 4);
    w.bytes("a\x11\x22\x33", 4);
    w.number(7, 4);
    remote::domain_create_xml_args v;
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_EQ(v.xml_desc.view(), "a");
    EXPECT_EQ(v.flags, 7u);
}

TEST_F(Xdr, any_presence_flag_but_zero_is_present) {
    for (const std::uint32_t flag : {1u, 2u, 0x80000000u, 0xffffffffu}) {
        w.number(flag, 4);
        w.number(2, 4);
        w.bytes("hi", 2);
        w.number(0, 4);
        remote::connect_open_args v;
        ASSERT_TRUE(decode_into(v, w.take())) << flag;
        EXPECT_EQ(v.name.view(), "hi");
    }
}

TEST_F(Xdr, an_absent_text_is_not_an_empty_one) {
    remote::connect_open_args v;
    w.number(0, 8);
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_FALSE(v.name.present());
    w.number(1, 4);
    w.number(0, 8);
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_TRUE(v.name.present());
    EXPECT_EQ(v.name.size, 0u);
}

TEST_F(Xdr, what_is_absent_replaces_what_was_there) {
    remote::connect_open_args v;
    v.name = to_str("old");
    w.number(0, 8);
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_FALSE(v.name.present());
}

TEST_F(Xdr, an_absent_object_is_null) {
    remote::connect_domain_event_callback_register_any_args v;
    w.number(5, 4);
    w.number(0, 4);
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_EQ(v.eventID, 5);
    EXPECT_EQ(v.dom, nullptr);
}

TEST_F(Xdr, small_numbers_are_cut_to_their_low_bits) {
    remote::domain_get_info_ret v;
    w.number(0x12345603, 4);
    w.number(0, 8);
    w.number(0, 8);
    w.number(0xabcd0102, 4);
    w.number(0, 8);
    ASSERT_TRUE(decode_into(v, w.take()));
    EXPECT_EQ(v.state, 3);
    EXPECT_EQ(v.nrVirtCpu, 0x0102);
}

TEST_F(Xdr, a_character_is_read_sign_extended_or_zero_extended_and_written_sign_extended) {
    security_label v;
    w.number(3, 4);
    w.number('a', 4);
    w.number(0xffffffe9, 4);
    w.number(0x000000e9, 4);
    w.number(1, 4);
    ASSERT_TRUE(decode_into(v, w.take()));
    ASSERT_EQ(v.label.size(), 3u);
    EXPECT_EQ(v.label[1], '\xe9');
    EXPECT_EQ(v.label[2], '\xe9');
    Encoder encoder;
    encode(encoder, v);
    EXPECT_EQ(load_be32(encoder.take().data() + 12), 0xffffffe9u);
}

TEST_F(Xdr, a_union_of_an_unknown_tag_is_refused_both_ways) {
    typed_param v;
    w.number(0, 4);
    w.number(9, 4);
    w.number(0, 8);
    EXPECT_FALSE(decode_into(v, w.take()));
    v.value.tag = -3;
    Encoder encoder;
    encode(encoder, v);
    EXPECT_EQ(encoder.failure(), "typed_value.tag is -3, which the wire does not know");
}

TEST(Encoder, keeps_its_first_failure) {
    const std::vector<char> big(limit_string + 1, 'x');
    remote::domain_attach_device_args v;
    v.dom.name = {big.data(), limit_string + 1};
    v.xml = {big.data(), limit_string + 1};
    Encoder encoder;
    encode(encoder, v);
    EXPECT_TRUE(encoder.failed());
    EXPECT_EQ(encoder.failure(), "domain.name has 4194305, the wire's limit is 4194304");
}

TEST(Encoder, refuses_a_packet_above_the_limit_and_stops_growing) {
    const std::vector<char> big(limit_string, 'x');
    const std::vector<Str> names(limit_domain_list, Str{big.data(), limit_string});
    remote::connect_list_defined_domains_ret v;
    v.names = names;
    Encoder encoder(begin_packet(Header{}));
    encode(encoder, v);
    EXPECT_THAT(encoder.failure(), testing::HasSubstr("the packet has "));
    EXPECT_LT(encoder.size(), kMaxPacket + 2 * limit_string);
}

TEST(Encoder, fills_a_packet_to_its_last_byte) {
    Encoder encoder(begin_packet(Header{}));
    const std::vector<std::uint8_t> bytes(kMaxPacket - kMinPacket);
    encoder.raw(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    EXPECT_FALSE(encoder.failed());
    encoder.put(std::uint32_t{0});
    EXPECT_EQ(encoder.failure(), "the packet has 33554440, the wire's limit is 33554436");
}

TEST(Encoder, makes_a_small_reply_in_the_memory_it_began_with) {
    Encoder encoder(begin_packet(Header{}));
    const std::size_t before = begin_packet(Header{}).capacity();
    encode(encoder, remote::domain_get_info_ret{});
    std::vector<std::uint8_t> packet = encoder.take();
    EXPECT_EQ(packet.capacity(), before);
    EXPECT_EQ(packet.size(), kMinPacket + 32);
}

TEST(Encoder, is_empty_once_taken) {
    Encoder encoder;
    encoder.put(std::uint32_t{1});
    EXPECT_EQ(encoder.take().size(), 4u);
    EXPECT_EQ(encoder.size(), 0u);
    encoder.put(std::uint64_t{2});
    EXPECT_EQ(encoder.take(), (Wire{0, 0, 0, 0, 0, 0, 0, 2}));
}

TEST(Message, has_its_length_and_header_in_front) {
    const Header header{0x20008086, 1, -2, MsgType::reply, 0xfffffff0, MsgStatus::error};
    Encoder encoder(begin_packet(header));
    encoder.put(std::uint32_t{0x01020304});
    std::vector<std::uint8_t> packet = encoder.take();
    finish_packet(packet);
    EXPECT_EQ(packet, (Wire{0, 0, 0, 32, 0x20, 0,    0x80, 0x86, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe,
                            0, 0, 0, 1,  0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 1, 1,    2,    3,    4}));
    EXPECT_EQ(read_header(packet.data() + kLengthBytes), header);
}

TEST(Message, has_the_numbers_of_the_tables) {
    static_assert(kLengthBytes == framing_length_word);
    static_assert(kHeaderBytes == framing_header);
    static_assert(kMaxPacket == framing_message_max + framing_length_word);
    static_assert(kMaxStreamData == framing_old_payload_max);
    static_assert(kMaxFds == framing_fds_max);
    static_assert(static_cast<std::int32_t>(MsgType::call) == msg_type_call);
    static_assert(static_cast<std::int32_t>(MsgType::reply) == msg_type_reply);
    static_assert(static_cast<std::int32_t>(MsgType::message) == msg_type_message);
    static_assert(static_cast<std::int32_t>(MsgType::stream) == msg_type_stream);
    static_assert(static_cast<std::int32_t>(MsgType::call_with_fds) == msg_type_call_with_fds);
    static_assert(static_cast<std::int32_t>(MsgType::reply_with_fds) == msg_type_reply_with_fds);
    static_assert(static_cast<std::int32_t>(MsgType::stream_hole) == msg_type_stream_hole);
    static_assert(static_cast<std::int32_t>(MsgStatus::ok) == msg_status_ok);
    static_assert(static_cast<std::int32_t>(MsgStatus::error) == msg_status_error);
    static_assert(static_cast<std::int32_t>(MsgStatus::continue_) == msg_status_continue);
}

TEST(Arena, takes_small_things_from_itself_and_big_ones_from_the_heap) {
    Arena arena;
    EXPECT_EQ(arena.make_array<std::uint64_t>(100).size(), 100u);
    EXPECT_EQ(arena.heap_bytes(), 0u);
    const std::span<std::uint64_t> big = arena.make_array<std::uint64_t>(100'000);
    EXPECT_EQ(big.back(), 0u);
    EXPECT_GE(arena.heap_bytes(), 800'000u);
    EXPECT_LT(arena.heap_bytes(), 900'000u);
}

TEST(Arena, aligns_what_it_gives) {
    Arena arena;
    for (int i = 0; i < 3000; ++i) {
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(arena.allocate(1, 1)) % 1, 0u);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(arena.allocate(3, 16)) % 16, 0u);
    }
}

} // namespace
} // namespace polyvirt::protocol
