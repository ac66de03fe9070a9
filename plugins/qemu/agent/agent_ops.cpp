// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "agent/agent_ops.h"

#include <iterator>
#include <utility>

#include <polyvirt/buffer.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"
#include "taint.h"

namespace polyvirt::qemu {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; k++) group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; k++) out += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63U] : '=';
    }
    return out;
}

std::vector<std::string> texts(const char* const* list, std::uint32_t count) { return {list, list + count}; }

} // namespace

Error malformed(const std::string& command) {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "malformed return value of {}", command);
}

AgentCall question(const char* command, pv_call* call) {
    AgentCall what;
    what.command = command;
    what.call = call;
    return what;
}

pv_status AgentOps::ask(pv_call* call, const pv_obj* obj, AgentCall what, Use use) {
    return without_job(call, obj, [this, what = std::move(what), use = std::move(use)](const sdk::OperationPtr&, const GuestPtr& guest) { return asked(guest, what, use); });
}

Part::Task AgentOps::asked(GuestPtr guest, AgentCall what, Use use) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(const Json value, co_await ask_agent(run, std::move(what)));
    if (!use) co_return Status();
    co_return use(value);
}

pv_status AgentOps::agent_command(pv_call* call, const pv_obj* obj, const pv_dom_agent_command_in& in, pv_dom_agent_command_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainQemuAgentCommand"); !flags) return answer(call, flags);
    if (in.timeout < PV_DOMAIN_QEMU_AGENT_COMMAND_MIN)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "guest agent timeout '{}' is less than the minimum '{}'",
                                       in.timeout, +PV_DOMAIN_QEMU_AGENT_COMMAND_MIN));
    AgentCall what;
    what.document = Json::parse(in.command, nullptr, false);
    what.call = call;
    what.timeout = in.timeout;
    if (!what.document.is_object())
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::none, "cannot parse json {}: found something else than an object",
                                       in.command));
    what.command = text_of(what.document, "execute");
    return without_job(call, obj, [this, what = std::move(what), to = out.result](const sdk::OperationPtr&, const GuestPtr& guest) {
        return arbitrary(guest, what, to);
    });
}

Part::Task AgentOps::arbitrary(GuestPtr guest, AgentCall what, pv_sink* result) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    if (taint(*run, Taint::custom_ga_command)) PV_CO_TRY(co_await driver_.saved(guest));
    const std::string command = what.command;
    PV_CO_ASSIGN_OR_RETURN(const Json document, co_await ask_agent_whole(run, std::move(what)));
    PV_CO_TRY(agent_result(command, document));
    if (!plugin::write(s_, result, document.dump(-1, ' ', false, Json::error_handler_t::replace)))
        co_return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the agent's answer is more than a reply can carry");
    co_return Status();
}

pv_status AgentOps::fsfreeze(pv_call* call, const pv_obj* obj, const pv_dom_fsfreeze_in& in, pv_dom_fsfreeze_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainFSFreeze"); !flags) return answer(call, flags);
    return without_job(call, obj, [this, call, mountpoints = texts(in.mountpoints, in.nmountpoints), to = &out.filesystems](
                                      const sdk::OperationPtr&, const GuestPtr& guest) { return freeze(guest, mountpoints, call, to); });
}

Part::Task AgentOps::freeze(GuestPtr guest, std::vector<std::string> mountpoints, pv_call* call, std::int32_t* filesystems) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(*filesystems, co_await agent_freeze(run, std::move(mountpoints), call));
    co_return Status();
}

pv_status AgentOps::fsthaw(pv_call* call, const pv_obj* obj, const pv_dom_fsthaw_in& in, pv_dom_fsthaw_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainFSThaw"); !flags) return answer(call, flags);
    if (in.nmountpoints > 0)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "specifying mountpoints is not supported"));
    return without_job(call, obj, [this, call, to = &out.filesystems](const sdk::OperationPtr&, const GuestPtr& guest) {
        return thaw(guest, call, to);
    });
}

Part::Task AgentOps::thaw(GuestPtr guest, pv_call* call, std::int32_t* filesystems) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(*filesystems, co_await agent_thaw(run, call));
    co_return Status();
}

pv_status AgentOps::fstrim(pv_call* call, const pv_obj* obj, const pv_dom_fstrim_in& in, pv_dom_fstrim_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainFSTrim"); !flags) return answer(call, flags);
    if (in.mountpoint != nullptr)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "Specifying mount point is not supported for now"));
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    AgentCall what = question("guest-fstrim", call);
    what.arguments["minimum"] = in.minimum;
    return ask(call, obj, std::move(what));
}

pv_status AgentOps::time(pv_call* call, const pv_obj* obj, const pv_dom_time_in& in, pv_dom_time_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetTime"); !flags) return answer(call, flags);
    return ask(call, obj, question("guest-get-time", call), [to = &out](const Json& value) -> Status {
        if (!value.is_number_integer()) return malformed("guest-get-time");
        const auto ns = value.get<std::int64_t>();
        to->seconds = ns / kNanoseconds;
        to->nseconds = static_cast<std::uint32_t>(std::max<std::int64_t>(ns % kNanoseconds, 0));
        return {};
    });
}

pv_status AgentOps::set_time(pv_call* call, const pv_obj* obj, const pv_dom_set_time_in& in, pv_dom_set_time_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_TIME_SYNC, "qemuDomainSetTime"); !flags) return answer(call, flags);
    AgentCall what = question("guest-set-time", call);
    // Without a time the guest takes its hardware clock's.
    if ((in.flags & PV_DOMAIN_TIME_SYNC) == 0) {
        if (in.seconds > INT64_MAX / kNanoseconds || in.seconds < 0)
            return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "Time '{}' is too big for guest agent", in.seconds));
        if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
        what.arguments["time"] = in.seconds * kNanoseconds + in.nseconds;
    }
    return without_job(call, obj, [this, what = std::move(what)](const sdk::OperationPtr&, const GuestPtr& guest) {
        return set_clock(guest, what);
    });
}

Part::Task AgentOps::set_clock(GuestPtr guest, AgentCall what) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_TRY(co_await ask_agent(run, std::move(what)));
    // Ticks that are still to be made up for would move the clock away again. Only PCs have this.
    const auto reset = co_await run->qmp("rtc-reset-reinjection");
    if (!reset && reset.error().message.find("has not been found") == std::string::npos) co_return reset.error();
    co_return Status();
}

pv_status AgentOps::set_user_password(pv_call* call, const pv_obj* obj, const pv_dom_set_user_password_in& in,
                                      pv_dom_set_user_password_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_PASSWORD_ENCRYPTED, "qemuDomainSetUserPassword"); !flags)
        return answer(call, flags);
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    AgentCall what = question("guest-set-user-password", call);
    what.arguments["crypted"] = (in.flags & PV_DOMAIN_PASSWORD_ENCRYPTED) != 0;
    what.arguments["username"] = in.user != nullptr ? in.user : "";
    what.arguments["password"] = base64(in.password != nullptr ? in.password : "");
    return ask(call, obj, std::move(what));
}

pv_status AgentOps::ssh_keys(pv_call* call, const pv_obj* obj, const pv_dom_ssh_keys_in& in, pv_dom_ssh_keys_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainAuthorizedSSHKeysGet"); !flags) return answer(call, flags);
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    AgentCall what = question("guest-ssh-get-authorized-keys", call);
    what.arguments["username"] = in.user;
    return ask(call, obj, std::move(what), [this, to = out.keys](const Json& value) -> Status {
        const auto keys = value.is_object() ? value.find("keys") : value.end();
        if (!value.is_object() || keys == value.end() || !keys->is_array()) return malformed("guest-ssh-get-authorized-keys");
        for (const Json& key : *keys)
            if (key.is_string()) s_.build->add_string(to, key.get<std::string>().c_str());
        return {};
    });
}

pv_status AgentOps::set_ssh_keys(pv_call* call, const pv_obj* obj, const pv_dom_set_ssh_keys_in& in, pv_dom_set_ssh_keys_out&) {
    constexpr std::uint32_t kAppend = PV_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND, kRemove = PV_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE;
    if (const Status flags = check_flags(in.flags, kAppend | kRemove, "qemuDomainAuthorizedSSHKeysSet"); !flags) return answer(call, flags);
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    const bool remove = (in.flags & kRemove) != 0;
    AgentCall what = question(remove ? "guest-ssh-remove-authorized-keys" : "guest-ssh-add-authorized-keys", call);
    what.arguments["username"] = in.user;
    what.arguments["keys"] = texts(in.keys, in.nkeys);
    if (!remove) what.arguments["reset"] = (in.flags & kAppend) == 0;
    return ask(call, obj, std::move(what));
}

pv_status AgentOps::set_response_timeout(pv_call* call, const pv_obj* obj, const pv_dom_set_response_timeout_in& in,
                                         pv_dom_set_response_timeout_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainAgentSetResponseTimeout"); !flags) return answer(call, flags);
    if (in.timeout < PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "guest agent timeout '{}' is less than the minimum '{}'",
                                       in.timeout, +PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK));
    return without_job(call, obj, [this, timeout = in.timeout](const sdk::OperationPtr&, const GuestPtr& guest) {
        return set_timeout(guest, timeout);
    });
}

Part::Task AgentOps::set_timeout(GuestPtr guest, std::int32_t timeout) {
    PV_CO_TRY(run_of(*guest));
    {
        const ObjectLock lock(guest->mu);
        guest->agent_timeout = timeout;
    }
    co_return co_await driver_.saved(guest);
}

} // namespace polyvirt::qemu
