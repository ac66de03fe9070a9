// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Consoles: a stream of a client's joined with a terminal or channel of a guest's, which one client at a time has.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "sdk/guests/guest.h"

namespace polyvirt::sdk {

// The host's end of it.
struct ConsoleLine {
    std::string alias;
    const char* noun = "console"; // static text: in "Active console session exists"
    std::function<Result<UniqueFd>()> open;
};
Result<UniqueFd> open_terminal(const std::string& path, ErrorDomain domain);

class Consoles {
  public:
    // `loop` is the driver's, which it has from its start on; streams are closed there.
    Consoles(const plugin::Services& s, const plugin::Loop& loop, ErrorDomain domain) : s_(s), loop_(loop), domain_(domain) {}

    // The result of the op's slot. With `force` another client that has the line loses it. Error: operation_failed where
    // it is taken.
    pv_status open(pv_call* call, const std::shared_ptr<Guest>& guest, ConsoleLine line, bool force) const;

  private:
    [[nodiscard]] std::optional<std::uint64_t> reserve(const std::shared_ptr<Guest>& guest, const std::string& alias,
                                                       pv_stream* stream, bool force) const;
    [[nodiscard]] Status attach(pv_call* call, const std::shared_ptr<Guest>& guest, const ConsoleLine& line,
                                std::uint64_t number) const;

    const plugin::Services& s_;
    const plugin::Loop& loop_;
    const ErrorDomain domain_;
};

} // namespace polyvirt::sdk
