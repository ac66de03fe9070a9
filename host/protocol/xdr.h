// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// XDR, as far as the wire uses it. Decoder reads a message in place: texts and blobs point into the
// message buffer, lists into the arena. It is as tolerant as the system's XDR library, whose habits
// the clients rely on (tables/framing.md, 3), and checks every count against its limit and against
// the bytes that are left before it allocates. Encoder appends to a packet. Both fail once and stay
// failed.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/protocol/arena.h"
#include "host/protocol/endian.h"
#include "host/protocol/message.h"

namespace polyvirt::protocol {

// Text of the wire. Decoded ones are NUL-terminated at data[size] and have no NUL inside. A null
// `data`: absent, where the wire allows it.
struct Str {
    const char* data = nullptr;
    std::uint32_t size = 0;
    [[nodiscard]] bool present() const { return data != nullptr; }
    [[nodiscard]] std::string_view view() const {
        return data == nullptr ? std::string_view{} : std::string_view(data, size);
    }
};
inline Str to_str(std::string_view text) {
    return {text.data() == nullptr ? "" : text.data(), static_cast<std::uint32_t>(text.size())};
}

struct Bytes {
    const std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
};

class Decoder {
  public:
    // The buffer is written to (see str()); decoding it twice is not possible.
    Decoder(std::span<std::uint8_t> buffer, Arena& arena)
        : at_(buffer.data()), end_(buffer.data() + buffer.size()), arena_(&arena) {}

    bool u32(std::uint32_t& v) {
        if (left() < 4) return fail();
        v = load_be32(at_);
        at_ += 4;
        return true;
    }
    bool u64(std::uint64_t& v) {
        if (left() < 8) return fail();
        v = load_be64(at_);
        at_ += 8;
        return true;
    }
    bool get(std::uint32_t& v) { return u32(v); }
    bool get(std::int32_t& v) { return word(v); }
    bool get(std::uint64_t& v) { return u64(v); }
    bool get(std::int64_t& v) {
        std::uint64_t w = 0;
        if (!u64(w)) return false;
        v = static_cast<std::int64_t>(w);
        return true;
    }
    bool get(double& v) {
        std::uint64_t w = 0;
        if (!u64(w)) return false;
        v = std::bit_cast<double>(w);
        return true;
    }
    // Smaller numbers take four bytes and are cut to their low bits.
    bool get(std::int8_t& v) { return word(v); }
    bool get(std::uint8_t& v) { return word(v); }
    bool get(std::int16_t& v) { return word(v); }
    bool get(std::uint16_t& v) { return word(v); }
    bool get(char& v) { return word(v); }

    bool str(Str& v, std::uint32_t limit);
    bool bytes(Bytes& v, std::uint32_t limit);
    bool raw(std::uint8_t* to, std::uint32_t n);
    // Presence flag: any number but 0 is "present".
    bool flag(bool& v) {
        std::uint32_t w = 0;
        if (!u32(w)) return false;
        v = w != 0;
        return true;
    }
    // A list's count: at most `limit`, and no more than fit into what is left.
    bool count(std::uint32_t& n, std::uint32_t limit, std::uint32_t item_bytes) {
        return u32(n) && (n <= limit && n <= left() / item_bytes ? true : fail());
    }

    bool fail() {
        at_ = end_;
        failed_ = true;
        return false;
    }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] Arena& arena() { return *arena_; }

  private:
    template <typename T> bool word(T& v) {
        std::uint32_t w = 0;
        if (!u32(w)) return false;
        v = static_cast<T>(w);
        return true;
    }

    std::uint8_t* at_;
    std::uint8_t* end_;
    Arena* arena_;
    bool failed_ = false;
};

class Encoder {
  public:
    // Appends to `packet`, which may hold a header already. A packet that grows above kMaxPacket
    // fails.
    explicit Encoder(std::vector<std::uint8_t> packet = {})
        : out_(std::move(packet)), used_(out_.size()) {
        out_.resize(out_.capacity());
    }

    void put(std::uint32_t v) { store_be32(grow(4), v); }
    void put(std::int32_t v) { put(static_cast<std::uint32_t>(v)); }
    void put(std::uint64_t v) { store_be64(grow(8), v); }
    void put(std::int64_t v) { put(static_cast<std::uint64_t>(v)); }
    void put(double v) { put(std::bit_cast<std::uint64_t>(v)); }
    void put(std::int8_t v) { put(static_cast<std::int32_t>(v)); }
    void put(std::int16_t v) { put(static_cast<std::int32_t>(v)); }
    void put(std::uint8_t v) { put(static_cast<std::uint32_t>(v)); }
    void put(std::uint16_t v) { put(static_cast<std::uint32_t>(v)); }
    void put(char v) { put(static_cast<std::int32_t>(static_cast<signed char>(v))); }
    // `what` names the field in the failure.
    void str(const Str& v, std::uint32_t limit, const char* what);
    void bytes(const Bytes& v, std::uint32_t limit, const char* what);
    void raw(const std::uint8_t* from, std::uint32_t n);
    // False once the encoder has failed.
    bool count(std::size_t n, std::uint32_t limit, const char* what);

    void fail(const char* what, std::size_t found, std::size_t limit);
    void bad_tag(const char* what, std::int32_t found);
    [[nodiscard]] bool failed() const { return !failure_.empty(); }
    [[nodiscard]] const std::string& failure() const { return failure_; }
    [[nodiscard]] std::size_t size() const { return used_; }
    // What was encoded; the encoder is empty thereafter.
    [[nodiscard]] std::vector<std::uint8_t> take() {
        out_.resize(used_);
        used_ = 0;
        return std::exchange(out_, {});
    }

  private:
    // `n` zero bytes.
    std::uint8_t* grow(std::size_t n) {
        if (out_.size() - used_ < n) make_room(n);
        std::uint8_t* at = out_.data() + used_;
        used_ += n;
        return at;
    }
    void make_room(std::size_t n);

    std::vector<std::uint8_t> out_; // zeros beyond used_
    std::size_t used_;
    std::string failure_;
};

} // namespace polyvirt::protocol
