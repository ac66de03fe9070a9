// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How fast a network interface may be. The kernel's traffic control knows its host side, a tap: what the guest receives
// leaves there through a class of htb, what it sends is policed on the way in.

#include <polyvirt/process.h>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/xml/compare.h"
#include "tune/interfaces.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::network::Bandwidth;
using sdk::network::BandwidthRate;

constexpr std::int64_t kPatience = 10'000'000'000;

bool can_be_slowed(InterfaceType type) {
    return type == InterfaceType::bridge || type == InterfaceType::network || type == InterfaceType::direct || type == InterfaceType::ethernet;
}

Status edit_bandwidth(Domain& d, bool live, std::string_view device, sdk::ParamSpan params) {
    PV_ASSIGN_OR_RETURN(const std::size_t at, find_interface(d, device));
    Interface& interface = d.devices.interfaces[at];
    Bandwidth bandwidth = interface.bandwidth.value_or(Bandwidth{});
    PV_TRY(sdk::take_bandwidth(params, bandwidth));
    if (!can_be_slowed(interface.type))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "setting bandwidth on interfaces of type '{}' is not implemented yet",
                          names_of(interface.type)[static_cast<std::size_t>(interface.type)]);
    if (bandwidth.inbound && bandwidth.inbound->floor && interface.type != InterfaceType::network)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "Invalid use of 'floor' on interface with MAC address {} - 'floor' is only supported for interface type 'network' with "
                          "forward type 'nat', 'route', 'open', or none",
                          interface.mac.address ? interface.mac.address->to_string() : "");
    if (live && interface.target.dev.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "Interface name not provided");
    interface.bandwidth = sdk::xml::unless_blank(std::move(bandwidth));
    return {};
}

} // namespace

std::vector<std::vector<std::string>> traffic_commands(const std::string& dev, const Bandwidth& bandwidth) {
    std::vector<std::vector<std::string>> all;
    const auto kb = [](const std::optional<std::uint64_t>& v) { return fmt::format("{}kb", v.value_or(0)); };
    const auto rate = [](const std::optional<std::uint64_t>& v) { return fmt::format("{}kbps", v.value_or(0)); };
    if (const auto& in = bandwidth.inbound; in && (in->average || in->floor)) {
        all.push_back({"qdisc", "add", "dev", dev, "root", "handle", "1:", "htb", "default", "1"});
        std::vector<std::string> c = {"class", "add", "dev", dev, "parent", "1:", "classid", "1:1", "htb", "rate", rate(in->average ? in->average : in->floor)};
        if (in->peak) c.insert(c.end(), {"ceil", rate(in->peak)});
        if (in->burst) c.insert(c.end(), {"burst", kb(in->burst)});
        all.push_back(std::move(c));
        all.push_back({"qdisc", "add", "dev", dev, "parent", "1:1", "handle", "2:", "sfq", "perturb", "10"});
    }
    if (const auto& out = bandwidth.outbound; out && out->average) {
        all.push_back({"qdisc", "add", "dev", dev, "ingress"});
        // Without a burst, what may come in a second.
        all.push_back({"filter", "add", "dev", dev, "parent", "ffff:", "protocol", "all", "u32", "match", "u32", "0", "0", "police", "rate",
                       rate(out->average), "burst", kb(out->burst ? out->burst : out->average), "mtu", "64kb", "drop", "flowid", ":1"});
    }
    return all;
}

pv_status TuneOps::interface_params(pv_call* call, const pv_obj* obj, const pv_dom_interface_params_in& in, pv_dom_interface_params_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetInterfaceParameters", [&](const Guest&, const Domain& d, bool) -> Status {
        PV_ASSIGN_OR_RETURN(const std::size_t at, find_interface(d, in.device));
        sdk::put_bandwidth(s_, out.params, d.devices.interfaces[at].bandwidth.value_or(Bandwidth{}));
        return {};
    });
}

pv_status TuneOps::set_interface_params(pv_call* call, const pv_obj* obj, const pv_dom_set_interface_params_in& in,
                                        pv_dom_set_interface_params_out&) {
    if (const Status flags = check_flags(in.flags, kAffect, "qemuDomainSetInterfaceParameters"); !flags) return answer(call, flags);
    Change change;
    change.edit = [params = sdk::ParamSpan(in.params, in.nparams), device = std::string(in.device)](Domain& d, bool live) {
        return edit_bandwidth(d, live, device, params);
    };
    change.live = [this, device = std::string(in.device)](const RunPtr& run, const auto&, const auto& after) {
        return limit_interface(run, device, after);
    };
    return apply(call, obj, in.flags, "set bandwidth", std::move(change));
}

TuneOps::Task TuneOps::limit_interface(RunPtr run, std::string device, std::shared_ptr<const Domain> after) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    PV_CO_ASSIGN_OR_RETURN(const std::size_t at, find_interface(*after, device));
    const Interface& interface = after->devices.interfaces[at];
    const auto tc = [this](std::vector<std::string> words) -> Result<plugin::ProgramResult> {
        std::vector<std::string> argv = {"/usr/sbin/tc"};
        argv.insert(argv.end(), words.begin(), words.end());
        return plugin::run_program(s_, nullptr, plugin::Command(std::move(argv)), kPatience);
    };
    // What was there goes first; that there was nothing is no error.
    for (const char* which : {"root", "ingress"}) {
        const auto gone = tc({"qdisc", "del", "dev", interface.target.dev, which});
        PV_CO_TRY(gone);
    }
    for (const auto& words : traffic_commands(interface.target.dev, interface.bandwidth.value_or(Bandwidth{}))) {
        const auto done = tc(words);
        PV_CO_TRY(done);
        if (done->wait_status != 0)
            co_return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "traffic of '{}' cannot be limited: {}", interface.target.dev, done->err);
    }
    co_return Status{};
}

} // namespace polyvirt::qemu
