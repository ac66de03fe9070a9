// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PackedText: a document at rest, deflated. A domain's of 5 KB takes about 1 KB, where the parsed one takes 18: that is
// what lets a driver hold ten thousand of them. Immutable; any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace polyvirt::sdk::xml {

class PackedText {
  public:
    // Error: no_memory.
    static Result<PackedText> pack(std::string_view text);

    // What was packed. Errors: no_memory; internal_error if memory was overwritten.
    [[nodiscard]] Result<std::string> unpack() const;
    // Bytes that it takes, beside the object itself.
    [[nodiscard]] std::size_t size() const { return data_.size(); }

  private:
    PackedText(std::string data, std::size_t length) : data_(std::move(data)), length_(length) {}
    std::string data_;
    std::size_t length_;
};

} // namespace polyvirt::sdk::xml
