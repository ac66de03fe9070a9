// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Channels: which of a run's channels somebody in the guest has open, and the link to the agent behind one of them. Part of
// its Run; on the run's loop alone.

#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "agent/agent.h"
#include "base/sync.h"
#include "monitor/monitor.h"

namespace polyvirt::qemu {

class AgentLink;

class Channels {
  public:
    explicit Channels(Run& run);
    ~Channels();

    // VSERPORT_CHANGE.
    void on_event(const QmpEvent& event) PV_NO_LOCKS_HELD;
    // What query-chardev says of all; `reason` is told to clients of what is otherwise than it was.
    void use_states(const Json& list, std::int32_t reason) PV_NO_LOCKS_HELD;
    // Where somebody has the agent's channel open and we are not connected.
    void connect() PV_NO_LOCKS_HELD;
    void close(const char* why);
    // It went to sleep, off, or began anew.
    void guest_gone();

    // Whether there is an agent to ask; the error says what is missing.
    [[nodiscard]] Status check_agent() PV_NO_LOCKS_HELD;
    void ask(const AgentCall& what, const std::function<void(Result<Json>)>& answer) PV_NO_LOCKS_HELD;
    // Nobody waits any more for what this call (host.call's id) has asked.
    void give_up(std::uint64_t call);

  private:
    [[nodiscard]] bool set_state(const std::string& alias, bool open, std::int32_t reason) PV_NO_LOCKS_HELD;

    Run& run_;
    std::shared_ptr<AgentLink> link_; // null: nobody was there yet
};

} // namespace polyvirt::qemu
