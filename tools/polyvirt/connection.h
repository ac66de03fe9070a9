// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Connection: the daemon's admin socket, as the `polyvirt` command speaks to it: one command at a time,
// JSON there and back. One thread.

#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::tools {

class Connection {
  public:
    // An answer that takes longer than `patience` is an error; the daemon's commands do not wait.
    static Result<Connection> open(const std::string& socket_path, std::chrono::milliseconds patience);

    // The daemon's answer, or the error that it gave.
    [[nodiscard]] Result<nlohmann::json> call(const std::string& command, const nlohmann::json& arguments);

  private:
    explicit Connection(UniqueFd fd) : fd_(std::move(fd)) {}
    Status send(const std::vector<std::uint8_t>& packet);
    Status receive(std::uint8_t* to, std::size_t n);

    UniqueFd fd_;
    std::uint32_t serial_ = 0;
};

// Where a daemon listens for administrators: below `root`, or, without one, in the system's or the
// user's run folder, by who calls.
std::string default_admin_socket(const std::string& root);

} // namespace polyvirt::tools
