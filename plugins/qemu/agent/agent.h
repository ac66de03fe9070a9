// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a guest's agent is asked, for coroutines of any part of the driver. No job of the guest is needed for it and none
// should be held that queries wait for: a guest may never answer. All of them go on on the run's loop.
//
//     PV_CO_ASSIGN_OR_RETURN(const std::int32_t frozen, co_await agent_freeze(run, mountpoints));
//
// Errors: argument_unsupported (the guest has no channel for an agent), agent_unresponsive (nobody is there or answers),
// operation_invalid (it doesn't run), resource_busy and operation_timeout (others wait for it), internal_error (the
// agent's own words).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "sdk/task.h"

struct pv_call;

namespace polyvirt::qemu {

class Run;
using RunPtr = std::shared_ptr<Run>;

inline constexpr const char* kAgentChannel = "org.qemu.guest_agent.0";

struct AgentCall {
    std::string command;
    nlohmann::json arguments = nlohmann::json::object(); // made later, it may lack the memory and then cannot go
    // Seconds, or PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_*; kAsSet: what the guest's clients have set.
    static constexpr std::int32_t kAsSet = INT32_MIN;
    std::int32_t timeout = kAsSet;
    bool ends = false;        // that the guest goes is its success
    pv_call* call = nullptr;  // whose end is the end of the wait; null: nobody's
    // A client's own document, sent as it stands in the place of command and arguments.
    nlohmann::json document{};
};

// The agent's `return`.
sdk::Task<Result<nlohmann::json>> ask_agent(RunPtr run, AgentCall what);
// Its whole answer, also where that is an error.
sdk::Async<Result<nlohmann::json>> ask_agent_whole(RunPtr run, AgentCall what);
// Of a whole answer: its `return`, or the agent's words as an error; whether the agent has no such command.
Result<nlohmann::json> agent_result(const std::string& command, const nlohmann::json& document);
bool agent_lacks_command(const nlohmann::json& document);

// File systems of these mount points, or all; how many. For snapshots that want the guest quiet.
// `timeout` as in AgentCall; whoever holds a job of the guest meanwhile gives one.
sdk::Task<Result<std::int32_t>> agent_freeze(RunPtr run, std::vector<std::string> mountpoints, pv_call* call = nullptr,
                                             std::int32_t timeout = AgentCall::kAsSet);
sdk::Task<Result<std::int32_t>> agent_thaw(RunPtr run, pv_call* call = nullptr, std::int32_t timeout = AgentCall::kAsSet);

// How many processors the guest itself uses; and that many.
sdk::Task<Result<std::int32_t>> agent_vcpus(RunPtr run, pv_call* call);
sdk::Task<Status> agent_set_vcpus(RunPtr run, std::uint32_t count, pv_call* call);

enum class AgentPower : std::uint8_t { powerdown, reboot, suspend_ram, suspend_disk, suspend_hybrid };
// Done when the guest has gone, or its agent says no.
sdk::Task<Status> agent_power(RunPtr run, AgentPower what);

} // namespace polyvirt::qemu
