// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "agent/agent.h"

#include <iterator>
#include <utility>

#include <polyvirt/call.h>

#include "agent/channels.h"
#include "base/error_text.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

// What the agent calls each AgentPower.
struct PowerRow {
    const char *command, *mode;
};
constexpr PowerRow kPowers[] = {{"guest-shutdown", "powerdown"}, {"guest-shutdown", "reboot"}, {"guest-suspend-ram", nullptr},
                                {"guest-suspend-disk", nullptr}, {"guest-suspend-hybrid", nullptr}};
constexpr std::int32_t kPowerTimeout = 60; // seconds

Result<std::int32_t> count_of(const Json& value, const std::string& command) {
    if (value.is_number_integer() && value.get<std::int64_t>() >= 0 && value.get<std::int64_t>() <= INT32_MAX)
        return value.get<std::int32_t>();
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "malformed return value of {}", command);
}

sdk::Task<Result<std::int32_t>> count_filesystems(RunPtr run, AgentCall what) {
    const std::string command = what.command;
    PV_CO_ASSIGN_OR_RETURN(const Json value, co_await ask_agent(run, std::move(what)));
    co_return count_of(value, command);
}

} // namespace

Result<Json> agent_result(const std::string& command, const Json& document) {
    if (const auto value = document.find("return"); value != document.end()) return *value;
    const auto error = document.find("error");
    const std::string words = error == document.end() ? std::string() : text_of(*error, "desc");
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "unable to execute QEMU agent command '{}': {}", command,
                      words.empty() ? "unknown QEMU agent error" : words.substr(0, 1000));
}

bool agent_lacks_command(const Json& document) {
    const auto error = document.find("error");
    if (error == document.end()) return false;
    const std::string kind = text_of(*error, "class");
    return kind == "CommandNotFound" || kind == "CommandDisabled" || text_of(*error, "desc").ends_with("has been disabled");
}

namespace {
// The client has gone or its call's time is over: the agent's answer is nobody's.
void watch_call(const RunPtr& run, pv_call* call) {
    struct Wait {
        std::weak_ptr<Run> run;
        std::uint64_t id;
    };
    const pv_svc_call& calls = *run->services().call;
    auto wait = std::make_unique<Wait>(Wait{run, calls.id(call)});
    const auto cancelled = [](void* ctx) noexcept {
        plugin::guarded("agent", [&] {
            const auto& w = *static_cast<Wait*>(ctx);
            if (const auto alive = w.run.lock()) alive->loop().post([alive, id = w.id] { alive->channels().give_up(id); });
        });
    };
    if (calls.on_cancel(call, cancelled, wait.get(), [](void* ctx) noexcept { delete static_cast<Wait*>(ctx); }) == PV_OK)
        (void)wait.release();
}
} // namespace

sdk::Async<Result<Json>> ask_agent_whole(RunPtr run, AgentCall what) {
    return sdk::Async<Result<Json>>([run = std::move(run), what = std::move(what)](const sdk::Answer<Result<Json>>& answer) {
        if (what.call != nullptr) watch_call(run, what.call);
        run->loop().post([run, what, answer] {
            if (what.call != nullptr && run->services().call->cancelled(what.call) != 0)
                return answer(make_error(ErrorCode::operation_aborted, ErrorDomain::qemu, "nobody waits for the guest agent any more"));
            run->channels().ask(what, answer);
        });
    });
}

sdk::Task<Result<Json>> ask_agent(RunPtr run, AgentCall what) {
    const std::string command = what.command;
    PV_CO_ASSIGN_OR_RETURN(const Json document, co_await ask_agent_whole(std::move(run), std::move(what)));
    co_return agent_result(command, document);
}

sdk::Task<Result<std::int32_t>> agent_freeze(RunPtr run, std::vector<std::string> mountpoints, pv_call* call, std::int32_t timeout) {
    AgentCall what;
    what.command = mountpoints.empty() ? "guest-fsfreeze-freeze" : "guest-fsfreeze-freeze-list";
    if (!mountpoints.empty()) what.arguments["mountpoints"] = std::move(mountpoints);
    what.call = call;
    what.timeout = timeout;
    return count_filesystems(std::move(run), std::move(what));
}

sdk::Task<Result<std::int32_t>> agent_thaw(RunPtr run, pv_call* call, std::int32_t timeout) {
    AgentCall what;
    what.command = "guest-fsfreeze-thaw";
    what.call = call;
    what.timeout = timeout;
    return count_filesystems(std::move(run), std::move(what));
}

sdk::Task<Status> agent_power(RunPtr run, AgentPower power) {
    const PowerRow& row = kPowers[static_cast<std::size_t>(power)];
    AgentCall what;
    what.command = row.command;
    if (row.mode != nullptr) what.arguments["mode"] = row.mode;
    what.timeout = kPowerTimeout;
    what.ends = true;
    PV_CO_TRY(co_await ask_agent(std::move(run), std::move(what)));
    co_return Status();
}

} // namespace polyvirt::qemu
