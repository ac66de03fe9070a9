// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Glob: a pattern for names, checked and prepared once. '*' is any text, '?' one byte, [a-z] one of a set,
// [!a-z] one not of it, '\\' takes the next byte as it is. Matching needs time in proportion to the
// product of both lengths at worst, whatever the pattern. A value; any thread.

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::access {

class Glob {
  public:
    static constexpr std::size_t kMaxLength = 1024;

    // The error's text says what is wrong and at which byte (from 1).
    static Result<Glob> create(std::string_view pattern);

    [[nodiscard]] bool matches(std::string_view text) const;

  private:
    struct Step {
        enum class What : std::uint8_t { byte, any_byte, any_text, set } what = What::byte;
        char byte = 0;
        std::uint16_t set = 0; // in sets_
    };
    [[nodiscard]] bool fits(const Step& step, char c) const;
    Result<std::size_t> add_set(std::string_view pattern, std::size_t at);

    std::vector<Step> steps_;
    std::vector<std::bitset<256>> sets_;
    std::string prefix_;   // the bytes before the first wildcard, looked at first
    bool literal_ = true;  // there is no wildcard
};

} // namespace polyvirt::access
