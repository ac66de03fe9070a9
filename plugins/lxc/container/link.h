// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SupervisorLink: the daemon's end of a supervisor's socket (supervisor.h says what is said there). On the driver's
// loop alone.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>
#include <polyvirt/loop.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::lxc {

class SupervisorLink : public std::enable_shared_from_this<SupervisorLink> {
  public:
    using Json = nlohmann::json;
    using Done = std::function<void(const Status&)>;
    using Said = std::function<void(const Json&)>;

    // `said` gets what is no reply. The socket is connected already.
    static std::shared_ptr<SupervisorLink> make(const plugin::Loop& loop, UniqueFd socket, Said said);
    SupervisorLink(const plugin::Loop& loop, Said said) : loop_(loop), said_(std::move(said)) {}
    SupervisorLink(const SupervisorLink&) = delete;
    SupervisorLink& operator=(const SupervisorLink&) = delete;

    // `done` once: the reply, operation_timeout, or that the link has gone. It may be called before this returns.
    void ask(Json request, std::int64_t timeout_ns, Done done);
    // Everybody who waits is told so; nothing is said any more.
    void close(const Error& why);

    // The two ends' address: a socket's name holds 107 bytes, and --root may be deep, so the folder is named by a
    // descriptor. Worker.
    static Result<UniqueFd> listen(const std::string& folder);
    static Result<UniqueFd> connect(const std::string& folder);

  private:
    struct Waiting {
        Done done;
        plugin::Watch timer;
    };
    void read();
    void finish(std::uint64_t id, const Status& outcome);

    const plugin::Loop& loop_;
    std::shared_ptr<UniqueFd> socket_; // open until its watch has gone
    const Said said_;
    plugin::Watch watch_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, Waiting> waiting_;
};

} // namespace polyvirt::lxc
