// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A harness defines fuzz_one(), which takes anything; what must hold it says with PV_FUZZ_HOLDS, which ends the program.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace polyvirt::fuzz {

void fuzz_one(std::span<const std::uint8_t> data);

inline std::string_view text(std::span<const std::uint8_t> data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

} // namespace polyvirt::fuzz

// libFuzzer's entry; mutate.cpp calls it too. Its name is libFuzzer's choice.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#define PV_FUZZ_HARNESS                                                                                                          \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {                                          \
        ::polyvirt::fuzz::fuzz_one({data, size});                                                                                \
        return 0;                                                                                                                \
    }

#define PV_FUZZ_HOLDS(condition, ...)                                                                                            \
    do {                                                                                                                         \
        if (!(condition)) {                                                                                                      \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                  \
            std::fprintf(stderr, __VA_ARGS__);                                                                                   \
            std::abort();                                                                                                        \
        }                                                                                                                        \
    } while (false)
