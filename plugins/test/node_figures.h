// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// NodeFigures: processors and memory of the imaginary host, from <cpu> and <memory> of its document.
// Constant once loaded; any thread.

#include <cstdint>
#include <optional>

#include "driver.h"

namespace polyvirt::test {

class NodeFigures final : public Part {
  public:
    std::string model = "i686";
    std::optional<std::uint32_t> mhz = 1400, active = 16, nodes = 2, sockets = 2, cores = 2, threads = 2;
    std::optional<std::uint64_t> memory = 3'145'728; // KiB

    [[nodiscard]] bool knows(std::string_view element) const override;
    Status load(const sdk::xml::Node& element) override;
};

} // namespace polyvirt::test
