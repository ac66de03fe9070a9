// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How fast a network interface may be (sdk/traffic.h).

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "sdk/guests/figures.h"
#include "sdk/traffic.h"
#include "sdk/xml/compare.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::network::Bandwidth;
using sdk::network::BandwidthRate;


bool can_be_slowed(InterfaceType type) {
    return type == InterfaceType::bridge || type == InterfaceType::network || type == InterfaceType::direct || type == InterfaceType::ethernet;
}

Status edit_bandwidth(Domain& d, bool live, std::string_view device, sdk::ParamSpan params) {
    PV_ASSIGN_OR_RETURN(const std::size_t at, sdk::find_interface(d, device));
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

pv_status TuneOps::interface_params(pv_call* call, const pv_obj* obj, const pv_dom_interface_params_in& in, pv_dom_interface_params_out& out) {
    return read(call, obj, in.flags, kAffect, "qemuDomainGetInterfaceParameters", [&](const Guest&, const Domain& d, bool) -> Status {
        PV_ASSIGN_OR_RETURN(const std::size_t at, sdk::find_interface(d, in.device));
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
    PV_CO_ASSIGN_OR_RETURN(const std::size_t at, sdk::find_interface(*after, device));
    co_return sdk::limit_traffic(s_, after->devices.interfaces[at]);
}

} // namespace polyvirt::qemu
