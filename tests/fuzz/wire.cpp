// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The wire's structs: the first two bytes choose one, the rest is decoded as it. What could be decoded is encoded to
// something that decodes to the same bytes.

#include "tests/fuzz/fuzz.h"

#include <memory>
#include <vector>

#include "host/protocol/layout.h"

namespace polyvirt::fuzz {
namespace {

using namespace protocol;

// Bytes after a decode and an encode; empty if it is refused.
std::vector<std::uint8_t> through(const Layout& layout, std::vector<std::uint8_t> bytes) {
    Arena arena;
    Decoder decoder(bytes, arena);
    std::vector<std::max_align_t> place(layout.size / sizeof(std::max_align_t) + 1);
    layout.construct(place.data());
    if (!layout.decode(decoder, place.data())) return {};
    Encoder encoder;
    layout.encode(encoder, place.data());
    return encoder.take();
}

} // namespace

void fuzz_one(std::span<const std::uint8_t> data) {
    if (data.size() < 2) return;
    const auto all = layouts();
    const Layout& layout = *all[(data[0] * 256U + data[1]) % all.size()];
    const auto once = through(layout, {data.begin() + 2, data.end()});
    if (once.empty()) return;
    PV_FUZZ_HOLDS(through(layout, once) == once, "%s of %zu bytes\n", layout.name, once.size());
}

} // namespace polyvirt::fuzz

PV_FUZZ_HARNESS
