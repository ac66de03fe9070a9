// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A value of any struct of the wire, handled by its layout: filled from a seed, written as bytes by
// a second, independent encoder, and shown as text. Two values are equal if their bytes are.

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "host/protocol/arena.h"
#include "host/protocol/layout.h"

namespace polyvirt::test {

using protocol::Arena;
using protocol::FieldLayout;
using protocol::Holder;
using protocol::Layout;
using protocol::Shape;
using Wire = std::vector<std::uint8_t>;

inline constexpr std::size_t size_of(Shape shape) {
    switch (shape) {
    case Shape::i8:
    case Shape::u8: return 1;
    case Shape::i16:
    case Shape::u16: return 2;
    case Shape::i32:
    case Shape::u32: return 4;
    default: return 8;
    }
}

template <typename T> T read(const void* at) {
    T v;
    std::memcpy(&v, at, sizeof v);
    return v;
}

class AnyStruct {
  public:
    explicit AnyStruct(const Layout& layout)
        : layout_(&layout), at_(arena_.allocate(layout.size, layout.align)) {
        layout.construct(at_);
    }
    [[nodiscard]] const Layout& layout() const { return *layout_; }
    [[nodiscard]] void* at() const { return at_; }
    [[nodiscard]] Arena& arena() { return arena_; }
    [[nodiscard]] void* field(const FieldLayout& f) const {
        return static_cast<char*>(at_) + f.offset;
    }

  private:
    Arena arena_; // holds the value and all that it points to
    const Layout* layout_;
    void* at_;
};

// Fills a value. Everything optional absent and every list empty if `random` is null.
class Filler {
  public:
    Filler(Arena& arena, std::mt19937_64* random) : arena_(arena), random_(random) {}
    void fill(const Layout& layout, void* at);
    void fill_field(const FieldLayout& f, void* at);

  private:
    std::uint64_t pick(std::uint64_t below) {
        return random_ == nullptr ? 0 : (*random_)() % below;
    }
    void fill_item(const FieldLayout& f, void* at);
    void fill_number(std::size_t size, void* at);
    std::uint8_t* some_bytes(std::size_t n, bool text);

    Arena& arena_;
    std::mt19937_64* random_;
};

inline void Filler::fill(const Layout& layout, void* at) {
    for (const FieldLayout& f : layout.fields) fill_field(f, static_cast<char*>(at) + f.offset);
    if (layout.arms.empty()) return;
    // Only the arm that the tag selects travels: the others stay as constructed.
    const std::size_t arm = pick(layout.arms.size());
    layout.construct(at);
    std::memcpy(at, &layout.arms[arm], sizeof(std::int32_t));
    const FieldLayout& f = layout.fields[arm + 1];
    fill_field(f, static_cast<char*>(at) + f.offset);
}

inline void Filler::fill_field(const FieldLayout& f, void* at) {
    const std::size_t item = f.shape == Shape::object ? f.object->size : size_of(f.shape);
    if (f.holder == Holder::one) return fill_item(f, at);
    if (f.holder == Holder::optional) {
        if (pick(2) == 0) return;
        if (f.shape == Shape::str) return fill_item(f, at);
        void* made = arena_.allocate(item, alignof(std::max_align_t));
        f.object->construct(made);
        fill_item(f, made);
        std::memcpy(at, &made, sizeof made);
        return;
    }
    std::size_t n = f.count;
    void* items = at;
    const std::size_t step = f.holder == Holder::list ? f.list.item_size : item;
    if (f.holder == Holder::list) {
        n = pick(std::min<std::size_t>(f.limit, 3) + 1);
        items = arena_.allocate(n * step, alignof(std::max_align_t));
        std::memset(items, 0, n * step);
        f.list.set(at, items, n);
    }
    for (std::size_t i = 0; i < n; ++i) fill_item(f, static_cast<char*>(items) + i * step);
}

inline void Filler::fill_item(const FieldLayout& f, void* at) {
    switch (f.shape) {
    case Shape::object: return fill(*f.object, at);
    case Shape::str: {
        const std::size_t n = pick(10);
        const protocol::Str v{reinterpret_cast<const char*>(some_bytes(n, true)),
                              static_cast<std::uint32_t>(n)};
        std::memcpy(at, &v, sizeof v);
        return;
    }
    case Shape::blob: {
        const std::size_t n = pick(10);
        const protocol::Bytes v{some_bytes(n, false), static_cast<std::uint32_t>(n)};
        std::memcpy(at, &v, sizeof v);
        return;
    }
    case Shape::raw: std::memcpy(at, some_bytes(f.bytes, false), f.bytes); return;
    default: return fill_number(size_of(f.shape), at);
    }
}

inline void Filler::fill_number(std::size_t size, void* at) {
    constexpr std::uint64_t kEdges[] = {0,      1,      0x7f,       0x80,        0xff,
                                        0x7fff, 0x8000, 0x7fffffff, 0x80000000u, ~0ull};
    std::uint64_t v = kEdges[pick(std::size(kEdges))];
    if (pick(2) == 1) v = (*random_)();
    std::memcpy(at, &v, size); // little-endian machines: the low bytes
}

inline std::uint8_t* Filler::some_bytes(std::size_t n, bool text) {
    auto* bytes = static_cast<std::uint8_t*>(arena_.allocate(n + 1, 1));
    for (std::size_t i = 0; i < n; ++i)
        bytes[i] = static_cast<std::uint8_t>(text ? 1 + pick(255) : pick(256));
    bytes[n] = 0;
    return bytes;
}

// The second encoder: it shares the layout with the generated codecs, no code.
class Writer {
  public:
    [[nodiscard]] Wire take() { return std::move(out_); }
    void number(std::uint64_t v, int bytes) {
        for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8)
            out_.push_back(static_cast<std::uint8_t>(v >> shift));
    }
    void bytes(const void* from, std::size_t n) {
        const auto* first = static_cast<const std::uint8_t*>(from);
        out_.insert(out_.end(), first, first + n);
        while (out_.size() % 4 != 0) out_.push_back(0);
    }
    void object(const Layout& layout, const void* at);
    void field(const FieldLayout& f, const void* at);

  private:
    void item(const FieldLayout& f, const void* at);
    Wire out_;
};

inline void Writer::object(const Layout& layout, const void* at) {
    const auto* base = static_cast<const char*>(at);
    if (layout.arms.empty()) {
        for (const FieldLayout& f : layout.fields) field(f, base + f.offset);
        return;
    }
    const auto tag = read<std::int32_t>(at);
    number(static_cast<std::uint32_t>(tag), 4);
    for (std::size_t i = 0; i < layout.arms.size(); ++i)
        if (layout.arms[i] == tag) field(layout.fields[i + 1], base + layout.fields[i + 1].offset);
}

inline void Writer::field(const FieldLayout& f, const void* at) {
    switch (f.holder) {
    case Holder::one: return item(f, at);
    case Holder::optional: {
        const void* held =
            f.shape == Shape::str ? read<protocol::Str>(at).data : read<const void*>(at);
        number(held != nullptr, 4);
        if (held != nullptr) item(f, f.shape == Shape::str ? at : held);
        return;
    }
    case Holder::list: {
        std::size_t n = 0;
        const auto* items = static_cast<const char*>(f.list.items(at, n));
        number(n, 4);
        for (std::size_t i = 0; i < n; ++i) item(f, items + i * f.list.item_size);
        return;
    }
    case Holder::vec:
        for (std::size_t i = 0; i < f.count; ++i)
            item(f, static_cast<const char*>(at) + i * size_of(f.shape));
    }
}

inline void Writer::item(const FieldLayout& f, const void* at) {
    switch (f.shape) {
    case Shape::i8:
        return number(static_cast<std::uint32_t>(std::int32_t{read<std::int8_t>(at)}), 4);
    case Shape::u8: return number(read<std::uint8_t>(at), 4);
    case Shape::i16:
        return number(static_cast<std::uint32_t>(std::int32_t{read<std::int16_t>(at)}), 4);
    case Shape::u16: return number(read<std::uint16_t>(at), 4);
    case Shape::i32:
    case Shape::u32: return number(read<std::uint32_t>(at), 4);
    case Shape::i64:
    case Shape::u64:
    case Shape::f64: return number(read<std::uint64_t>(at), 8);
    case Shape::str: {
        const auto v = read<protocol::Str>(at);
        number(v.size, 4);
        return bytes(v.data, v.size);
    }
    case Shape::blob: {
        const auto v = read<protocol::Bytes>(at);
        number(v.size, 4);
        return bytes(v.data, v.size);
    }
    case Shape::raw: return bytes(at, f.bytes);
    case Shape::object: return object(*f.object, at);
    }
}

inline Wire bytes_of(const AnyStruct& value) {
    Writer writer;
    writer.object(value.layout(), value.at());
    return writer.take();
}

// By the generated codec; empty and `failure` set if it refuses.
inline Wire encoded(const AnyStruct& value, std::string* failure = nullptr) {
    protocol::Encoder encoder;
    value.layout().encode(encoder, value.at());
    if (failure != nullptr) *failure = encoder.failure();
    return encoder.failed() ? Wire{} : encoder.take();
}

// Bytes in memory of exactly their size, so that a sanitizer sees every step beyond.
class ExactBuffer {
  public:
    explicit ExactBuffer(std::span<const std::uint8_t> from)
        : size_(from.size()), bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(size_)) {
        if (size_ > 0) std::memcpy(bytes_.get(), from.data(), size_);
    }
    [[nodiscard]] std::span<std::uint8_t> span() { return {bytes_.get(), size_}; }

  private:
    std::size_t size_;
    std::unique_ptr<std::uint8_t[]> bytes_;
};

} // namespace polyvirt::test
