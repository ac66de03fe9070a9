// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What drivers have published about an object and clients ask for one by one.

#include "host/dispatch/gen/host_ops.h"
#include "host/dispatch/host_lists.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/list_rules.h"

namespace polyvirt::dispatch::host {
namespace {

using plugin::ObjectPtr;

Result<ObjectPtr> current_snapshot(WireCall& call, const plugin::ObjectRef& domain) {
    const auto found = call.driver().registry().list(
        {.kind = PV_KIND_SNAPSHOT, .parent = domain.handle, .all_set = PV_ATTR_SNAP_CURRENT});
    if (!found.empty()) return found.front();
    return no_such_object(PV_KIND_SNAPSHOT, call.driver().error_domain(), "the domain does not have a current snapshot");
}

} // namespace

Status has_attr(WireCall& call, const HasAttrIn& in, HasAttrOut& out) {
    PV_TRY(check_flags(call.proc(), in.target->kind, call.driver(), in.flags, 0));
    out.result = (in.target->attrs & in.attr) != 0;
    return {};
}

Status device_has_attr(WireCall&, const DeviceHasAttrIn& in, DeviceHasAttrOut& out) {
    out.result = (in.target->attrs & in.attr) != 0;
    return {};
}

Status domain_state(WireCall& call, const DomainStateIn& in, DomainStateOut& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_DOMAIN, call.driver(), in.flags, 0));
    out.state = in.target->state;
    out.reason = in.target->reason;
    return {};
}

Status volume_path(WireCall&, const VolumePathIn& in, VolumePathOut& out) {
    out.path = key_of(*in.target, "path");
    return {};
}

Status device_parent(WireCall&, const DeviceParentIn& in, DeviceParentOut& out) {
    if (const std::string_view parent = key_of(*in.target, "parent"); !parent.empty()) out.parent = parent;
    return {};
}

Status device_caps(WireCall&, const DeviceCapsIn& in, DeviceCapsOut& out) {
    for (const auto& [name, value] : in.target->keys)
        if (name == "cap") out.caps.push_back(value);
    return {};
}

Status snapshot_current(WireCall& call, const SnapshotCurrentIn& in, SnapshotCurrentOut& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_SNAPSHOT, call.driver(), in.flags, 0));
    PV_ASSIGN_OR_RETURN(out.obj, current_snapshot(call, *in.target));
    return {};
}

Status has_current_snapshot(WireCall& call, const HasCurrentSnapshotIn& in, HasCurrentSnapshotOut& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_SNAPSHOT, call.driver(), in.flags, 0));
    out.result = current_snapshot(call, *in.target).has_value();
    return {};
}

Status tree_parent(WireCall& call, const TreeParentIn& in, TreeParentOut& out) {
    const plugin::ObjectRef& moment = *in.target;
    PV_TRY(check_flags(call.proc(), moment.kind, call.driver(), in.flags, 0));
    const std::string_view parent = key_of(moment, "parent");
    if (!parent.empty() && moment.parent != nullptr)
        out.obj = call.driver().registry().find_name(moment.kind, moment.parent->handle, parent);
    if (out.obj != nullptr) return {};
    return no_such_object(moment.kind, call.driver().error_domain(),
                          fmt::format("{} '{}' does not have a parent",
                                      moment.kind == PV_KIND_SNAPSHOT ? "snapshot" : "checkpoint", moment.name));
}

} // namespace polyvirt::dispatch::host
