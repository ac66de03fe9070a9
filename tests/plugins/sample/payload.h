// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Payload: a struct of polyvirt/abi/gen/events.h made from a list of typed values, by the rules that these structs are
// laid out by: `size` first, each member at a multiple of its own size, the whole a multiple of 8.

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <polyvirt/abi/base.h>

namespace polyvirt::sample {

class Payload {
  public:
    // [["i32", 1], ["str", "vda"], ["opt_str", null], ["params", [["field", 4, 7], ...]], ["records", [[...], ...]]]
    explicit Payload(const nlohmann::json& values);
    Payload(const Payload&) = delete;
    Payload& operator=(const Payload&) = delete;
    [[nodiscard]] const void* data() const { return bytes_.data(); }

  private:
    template <typename T> static void put(std::vector<std::byte>& to, T value);
    std::vector<std::byte> build(const nlohmann::json& values);
    const char* keep(const nlohmann::json& text);

    std::deque<std::string> texts_;
    std::deque<std::vector<pv_param>> params_;
    std::deque<std::vector<std::byte>> records_;
    std::vector<std::byte> bytes_;
};

} // namespace polyvirt::sample
