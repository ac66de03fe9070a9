// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "native/native_ops.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>

#include <polyvirt/buffer.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "driver.h"
#include "native/keycodes.h"
#include "run.h"
#include "taint.h"

namespace polyvirt::qemu {
namespace {

constexpr std::uint32_t kMaxKeys = 16;
constexpr std::uint32_t kMaxFds = 1; // the emulator takes one with a command

Error invalid_arg(std::string_view text) { return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "{}", text); }

Result<std::vector<UniqueFd>> keep_fds(const std::int32_t* fds, std::uint32_t count) {
    if (count > kMaxFds) return invalid_arg(fmt::format("found {} file descriptors, at most {} can go with a command", count, kMaxFds));
    std::vector<UniqueFd> kept;
    for (std::uint32_t i = 0; i < count; i++) {
        kept.emplace_back(::fcntl(fds[i], F_DUPFD_CLOEXEC, 0));
        if (!kept.back()) return make_system_error(errno, ErrorDomain::qemu, "cannot keep the client's descriptor");
    }
    return kept;
}

Result<Json> document_of(const char* text, bool hmp) {
    if (hmp) {
        Json line = {{"command-line", text}};
        return Json{{"execute", "human-monitor-command"}, {"arguments", std::move(line)}};
    }
    Json document = Json::parse(text, nullptr, false);
    if (document.is_object()) return document;
    return make_error(ErrorCode::internal_error, ErrorDomain::none, "cannot parse json {}: found something else than an object", text);
}

} // namespace

// Queries and other commands of the monitor go on meanwhile: whoever speaks to the emulator himself knows what he does.
pv_status NativeOps::monitor_command(pv_call* call, const pv_obj* obj, const pv_dom_monitor_command_in& in,
                                     pv_dom_monitor_command_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_QEMU_MONITOR_COMMAND_HMP, "qemuDomainQemuMonitorCommandWithFiles"); !flags)
        return answer(call, flags);
    const bool hmp = (in.flags & PV_DOMAIN_QEMU_MONITOR_COMMAND_HMP) != 0;
    auto document = document_of(in.command, hmp);
    if (!document) return answer(call, document.error());
    auto fds = keep_fds(in.fds, in.nfds);
    if (!fds) return answer(call, fds.error());
    const auto kept = std::make_shared<std::vector<UniqueFd>>(*std::move(fds));
    return with_job(call, obj, PV_JOB_QUERY, "monitor command",
                    [this, document = *std::move(document), kept, hmp, result = out.result](const sdk::OperationPtr&, const GuestPtr& guest) {
                        return command(guest, document, std::move(*kept), hmp, result);
                    });
}

Part::Task NativeOps::command(GuestPtr guest, Json document, std::vector<UniqueFd> fds, bool hmp, pv_sink* result) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    if (taint(*run, Taint::custom_monitor)) PV_CO_TRY(co_await driver_.saved(guest));
    Result<Json> reply = Json();
    if (hmp) {
        const Json arguments = document["arguments"];
        reply = co_await run->qmp("human-monitor-command", arguments, std::move(fds));
    } else {
        reply = co_await run->qmp_whole(std::move(document), std::move(fds));
    }
    PV_CO_TRY(reply);
    const std::string text = reply->is_string() ? reply->get<std::string>() : reply->dump();
    if (!plugin::write(s_, result, text))
        co_return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "an answer of {} bytes is more than a reply can carry", text.size());
    co_return Status();
}

pv_status NativeOps::send_key(pv_call* call, const pv_obj* obj, const pv_dom_send_key_in& in, pv_dom_send_key_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainSendKey"); !flags) return answer(call, flags);
    if (in.nkeycodes == 0 || in.nkeycodes > kMaxKeys)
        return answer(call, invalid_arg(fmt::format("found {} keys, expected 1 to {}", in.nkeycodes, kMaxKeys)));
    const std::string_view set = keycode_set_name(in.codeset);
    if (set.empty()) return answer(call, invalid_arg(fmt::format("there is no keycode set of number {}", in.codeset)));
    Json keys = Json::array();
    for (std::uint32_t i = 0; i < in.nkeycodes; i++) {
        const auto number = key_number(in.codeset, in.keycodes[i]);
        if (!number)
            return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu,
                                           "cannot translate keycode {} of {} codeset to qnum keycode", in.keycodes[i], set));
        Json key = {{"type", "number"}, {"data", *number}};
        keys.push_back(std::move(key));
    }
    Json arguments = {{"keys", std::move(keys)}};
    if (in.holdtime > 0) arguments["hold-time"] = in.holdtime;
    return change(call, obj, "send keys", [this, arguments = std::move(arguments)](const sdk::OperationPtr&, const GuestPtr& guest) {
        return press(guest, arguments);
    });
}

Part::Task NativeOps::press(GuestPtr guest, Json arguments) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_TRY(co_await run->qmp("send-key", std::move(arguments)));
    co_return Status();
}

pv_status NativeOps::inject_nmi(pv_call* call, const pv_obj* obj, const pv_dom_inject_nmi_in& in, pv_dom_inject_nmi_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainInjectNMI"); !flags) return answer(call, flags);
    return change(call, obj, "inject an NMI", [this](const sdk::OperationPtr&, const GuestPtr& guest) { return nmi(guest); });
}

Part::Task NativeOps::nmi(GuestPtr guest) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_TRY(co_await run->qmp("inject-nmi"));
    co_return Status();
}

// The first model is none, whose labels are empty; the second is the emulator's user.
pv_status NativeOps::security_label(pv_call*, const pv_obj*, const pv_dom_security_label_in&, pv_dom_security_label_out& out) {
    out.enforcing = 0;
    return PV_OK;
}
pv_status NativeOps::security_labels(pv_call*, const pv_obj* obj, const pv_dom_security_labels_in&, pv_dom_security_labels_out& out) {
    const auto run = run_of(*guest_of(obj));
    if (!run) return PV_OK;
    const std::string user = (*run)->identity().label();
    for (const char* label : {"", user.c_str()}) {
        pv_dom_label record{};
        record.size = sizeof record;
        record.label = label;
        s_.build->add_record(out.labels, &record);
    }
    return PV_OK;
}

// Of a guest without sealed memory there is nothing to tell; one with it is refused at its start.
pv_status NativeOps::launch_security_info(pv_call* call, const pv_obj* obj, const pv_dom_launch_security_info_in& in,
                                          pv_dom_launch_security_info_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetLaunchSecurityInfo"); !flags) return answer(call, flags);
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    return PV_OK;
}

} // namespace polyvirt::qemu
