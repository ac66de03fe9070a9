// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"

#include <utility>

#include "base/error_text.h"

namespace polyvirt::network {

Error no_network(const Net& net) {
    return make_error(ErrorCode::no_network, ErrorDomain::network, "no network with matching uuid '{}' ({})",
                      net.uuid.to_string(), net.name);
}

Driver::Driver(const plugin::Services& services)
    : DriverBase(services), configs_(s_, PV_STATE_CONFIG, ErrorDomain::network),
      statuses_(s_, PV_STATE_STATUS, ErrorDomain::network), data_(s_, PV_STATE_DATA, ErrorDomain::network),
      firewall_(s_), nets_(s_, PV_KIND_NETWORK, ErrorDomain::network, "network") {}

Status Driver::check_flags(std::uint32_t flags, std::uint32_t known, const char* function) {
    if ((flags & ~known) == 0) return {};
    // In words of its own, without those of its code.
    return Error{.code = ErrorCode::invalid_arg,
                 .domain = ErrorDomain::network,
                 .message = fmt::format("unsupported flags (0x{:x}) in function {}", flags & ~known, function)};
}

pv_status Driver::give(pv_call* call, pv_sink* sink, std::string_view text) const {
    if (plugin::write(s_, sink, text)) return PV_OK;
    return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::network,
                                   "an answer of {} bytes is more than a reply can carry", text.size()));
}

pv_status Driver::with_job(pv_call* call, const NetPtr& net, const char* what, Body body) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(net->mu);
        handle = net->handle;
    }
    return sdk::Operation::start(s_, loop_, {.call = call, .object = handle, .what = what},
                                 [net, body = std::move(body)](const sdk::OperationPtr& op) {
                                     bool removed = false;
                                     {
                                         const ObjectLock lock(net->mu);
                                         removed = net->removed;
                                     }
                                     if (removed) return op->finish(no_network(*net));
                                     sdk::start(body(op, net), [op](const Status& outcome) { op->finish(outcome); });
                                 });
}

void Driver::show(Net& net) const {
    if (net.removed || net.handle == 0) return;
    pv_obj_update u{};
    u.size = sizeof u;
    u.what = PV_UPDATE_ATTRS;
    u.attrs_mask = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART;
    u.attrs = (net.active() ? PV_ATTR_ACTIVE : 0) | (net.config ? PV_ATTR_PERSISTENT : 0) |
              (net.autostart ? PV_ATTR_AUTOSTART : 0);
    s_.registry->update(s_.host, net.handle, &u);
}

void Driver::post(const Net& net, std::int32_t event) const {
    pv_event_network_lifecycle payload{};
    payload.event = event;
    events_.post(PV_KIND_NETWORK, PV_EVENT_NETWORK_LIFECYCLE,
                 {.handle = net.handle, .uuid = net.uuid, .name = net.name}, payload);
}

} // namespace polyvirt::network
