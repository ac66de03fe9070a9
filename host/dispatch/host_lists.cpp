// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Lists and counts, from the registry alone: none of them waits for a driver.
#include "host/dispatch/host_lists.h"

#include "host/dispatch/gen/host_ops.h"
#include "host/dispatch/kind_facts.h"
#include "host/dispatch/list_rules.h"
#include "host/dispatch/look_up.h"
#include "host/dispatch/moment_tree.h"

namespace polyvirt::dispatch {

using plugin::ListFilter;
using plugin::ObjectPtr;

std::vector<ObjectPtr> list_objects(WireCall& call, const ListFilter& filter,
                                    const std::function<bool(const plugin::ObjectRef&)>& accept) {
    std::vector<ObjectPtr> found = call.list(filter);
    if (accept != nullptr) std::erase_if(found, [&](const ObjectPtr& o) { return !accept(*o); });
    return found;
}

namespace host {
namespace {

Result<std::vector<ObjectPtr>> list_by_flags(WireCall& call, const ListFilter& filter, std::uint32_t flags) {
    const auto rules = list_rules(filter.kind);
    PV_TRY(check_flags(call.proc(), filter.kind, call.driver(), flags, known_flags(rules)));
    if (flags == 0) return list_objects(call, filter);
    return list_objects(call, filter, [&](const plugin::ObjectRef& o) { return passes(o, rules, flags); });
}

// Snapshots and checkpoints, of a domain or below one of their kind.
Result<std::vector<ObjectPtr>> list_moments(WireCall& call, const ListInIn& in, const TreeFlags& names) {
    const auto rules = list_rules(in.kind);
    PV_TRY(check_flags(call.proc(), in.kind, call.driver(), in.flags, known_flags(rules) | names.all()));
    const bool below_moment = in.target->kind == in.kind;
    const plugin::ObjectRef& domain = below_moment ? *in.target->parent : *in.target;
    const std::vector<ObjectPtr> all = list_objects(call, {.kind = in.kind, .parent = domain.handle});
    std::vector<ObjectPtr> found = MomentTree(all).select(below_moment ? in.target.get() : nullptr, in.flags, names);
    std::erase_if(found, [&](const ObjectPtr& o) { return !passes(*o, rules, in.flags); });
    return found;
}

} // namespace

Status list(WireCall& call, const ListIn& in, ListOut& out) {
    ListFilter filter{.kind = in.kind};
    if (in.which == HOST_WHICH_ACTIVE) filter.all_set = PV_ATTR_ACTIVE;
    if (in.which == HOST_WHICH_INACTIVE) filter.all_clear = PV_ATTR_ACTIVE;
    PV_ASSIGN_OR_RETURN(out.objs, list_by_flags(call, filter, in.flags));
    return {};
}

Status list_in(WireCall& call, const ListInIn& in, ListInOut& out) {
    if (const TreeFlags* names = tree_flags(in.kind)) {
        PV_ASSIGN_OR_RETURN(out.objs, list_moments(call, in, *names));
        return {};
    }
    PV_TRY(check_flags(call.proc(), in.kind, call.driver(), in.flags, known_flags(list_rules(in.kind))));
    PV_TRY(check_active(call, *in.target)); // volumes and ports are there only while that is
    PV_ASSIGN_OR_RETURN(out.objs, list_by_flags(call, {.kind = in.kind, .parent = in.target->handle}, in.flags));
    return {};
}

Status list_devices(WireCall& call, const ListDevicesIn& in, ListDevicesOut& out) {
    PV_TRY(check_flags(call.proc(), PV_KIND_NODEDEV, call.driver(), in.flags, 0));
    const auto& cap = in.cap;
    out.objs = list_objects(call, {.kind = PV_KIND_NODEDEV},
                            [&](const plugin::ObjectRef& o) { return !cap || has_key(o, "cap", *cap); });
    return {};
}

} // namespace host
} // namespace polyvirt::dispatch
