// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What clients ask about domains and the registry knows: look-ups, lists, counts, states. None of it
// enters a driver, so none of it waits for a monitor.

#include <algorithm>
#include <cstring>

#include "base/error_text.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/constants.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;
using plugin::ListFilter;
using plugin::ObjectPtr;

// A pair of flags of ListAllDomains and the attribute that they choose by.
struct AttrFlag {
    std::uint32_t yes, no;
    std::uint64_t attr;
};
constexpr AttrFlag kAttrFlags[] = {
    {protocol::VIR_CONNECT_LIST_DOMAINS_ACTIVE, protocol::VIR_CONNECT_LIST_DOMAINS_INACTIVE, PV_ATTR_ACTIVE},
    {protocol::VIR_CONNECT_LIST_DOMAINS_PERSISTENT, protocol::VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
     PV_ATTR_PERSISTENT},
    {protocol::VIR_CONNECT_LIST_DOMAINS_AUTOSTART, protocol::VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,
     PV_ATTR_AUTOSTART},
    {protocol::VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, protocol::VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE,
     PV_ATTR_DOM_MANAGED_SAVE},
    {protocol::VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, protocol::VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT,
     PV_ATTR_DOM_HAS_SNAPSHOT},
    {protocol::VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, protocol::VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT,
     PV_ATTR_DOM_HAS_CHECKPOINT},
};

constexpr std::uint64_t state_bit(std::uint32_t state) { return 1ULL << state; }
constexpr std::uint64_t kNamedStates = state_bit(protocol::VIR_DOMAIN_RUNNING) |
                                       state_bit(protocol::VIR_DOMAIN_PAUSED) |
                                       state_bit(protocol::VIR_DOMAIN_SHUTOFF);

// Both flags of a pair, or neither, choose nothing; likewise no flag of the states.
Result<ListFilter> domain_filter(std::uint32_t flags) {
    ListFilter filter;
    filter.kind = PV_KIND_DOMAIN;
    std::uint32_t known = 0;
    for (const AttrFlag& f : kAttrFlags) {
        known |= f.yes | f.no;
        const bool yes = (flags & f.yes) != 0, no = (flags & f.no) != 0;
        if (yes && !no) filter.all_set |= f.attr;
        if (no && !yes) filter.all_clear |= f.attr;
    }
    std::uint64_t states = 0;
    const auto want = [&](std::uint32_t flag, std::uint64_t mask) {
        known |= flag;
        if ((flags & flag) != 0) states |= mask;
    };
    want(protocol::VIR_CONNECT_LIST_DOMAINS_RUNNING, state_bit(protocol::VIR_DOMAIN_RUNNING));
    want(protocol::VIR_CONNECT_LIST_DOMAINS_PAUSED, state_bit(protocol::VIR_DOMAIN_PAUSED));
    want(protocol::VIR_CONNECT_LIST_DOMAINS_SHUTOFF, state_bit(protocol::VIR_DOMAIN_SHUTOFF));
    want(protocol::VIR_CONNECT_LIST_DOMAINS_OTHER, ~kNamedStates);
    if (states != 0) filter.states = states;
    if ((flags & ~known) != 0)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::dom,
                          "unsupported flags (0x{:x}) in function virConnectListAllDomains", flags & ~known);
    return filter;
}

Status list_all(WireCall& call, const remote::connect_list_all_domains_args& args,
                remote::connect_list_all_domains_ret& ret) {
    PV_ASSIGN_OR_RETURN(const ListFilter filter, domain_filter(args.flags));
    if (args.need_results == 0) {
        ret.ret = static_cast<std::uint32_t>(call.count(filter));
        return {};
    }
    PV_ASSIGN_OR_RETURN(ret.domains, wire_list<protocol::domain>(call, call.list(filter),
                                                                 protocol::limit_domain_list, "domains"));
    ret.ret = static_cast<std::uint32_t>(ret.domains.size());
    return {};
}

ListFilter active(bool yes) {
    ListFilter filter;
    filter.kind = PV_KIND_DOMAIN;
    (yes ? filter.all_set : filter.all_clear) = PV_ATTR_ACTIVE;
    return filter;
}

Status num_of_domains(WireCall& call, const Nothing&, remote::connect_num_of_domains_ret& ret) {
    ret.num = static_cast<std::int32_t>(call.count(active(true)));
    return {};
}

Status num_of_defined(WireCall& call, const Nothing&, remote::connect_num_of_defined_domains_ret& ret) {
    ret.num = static_cast<std::int32_t>(call.count(active(false)));
    return {};
}

Status check_max(std::int32_t max, std::string_view what) {
    if (max < 0 || static_cast<std::uint32_t>(max) > protocol::limit_domain_list)
        return make_error(ErrorCode::rpc, ErrorDomain::rpc, "{} > REMOTE_DOMAIN_LIST_MAX", what);
    return {};
}

Status list_domains(WireCall& call, const remote::connect_list_domains_args& args,
                    remote::connect_list_domains_ret& ret) {
    PV_TRY(check_max(args.maxids, "maxids"));
    auto found = call.list(active(true));
    found.resize(std::min(found.size(), static_cast<std::size_t>(args.maxids)));
    auto ids = call.arena().make_array<std::int32_t>(found.size());
    std::transform(found.begin(), found.end(), ids.begin(), [](const ObjectPtr& o) { return o->dom_id; });
    ret.ids = ids;
    return {};
}

Status list_defined(WireCall& call, const remote::connect_list_defined_domains_args& args,
                    remote::connect_list_defined_domains_ret& ret) {
    PV_TRY(check_max(args.maxnames, "maxnames"));
    auto found = call.list(active(false));
    found.resize(std::min(found.size(), static_cast<std::size_t>(args.maxnames)));
    auto names = call.arena().make_array<protocol::Str>(found.size());
    std::transform(found.begin(), found.end(), names.begin(),
                   [&](const ObjectPtr& o) { return call.keep(o->name); });
    ret.names = names;
    return {};
}

Status lookup_by_id(WireCall& call, const remote::domain_lookup_by_id_args& args,
                    remote::domain_lookup_by_id_ret& ret) {
    const ObjectPtr found = call.driver().registry().find_id(args.id);
    if (found == nullptr)
        return make_error(ErrorCode::no_domain, call.driver().error_domain(), "no domain with matching id {}",
                          args.id);
    PV_TRY(call.access().check(found));
    ret.dom = to_wire<protocol::domain>(call, *found);
    return {};
}

Status lookup_by_name(WireCall& call, const remote::domain_lookup_by_name_args& args,
                      remote::domain_lookup_by_name_ret& ret) {
    const ObjectPtr found = call.driver().registry().find_name(PV_KIND_DOMAIN, 0, view(args.name));
    if (found == nullptr)
        return make_error(ErrorCode::no_domain, call.driver().error_domain(),
                          "no domain with matching name '{}'", view(args.name));
    PV_TRY(call.access().check(found));
    ret.dom = to_wire<protocol::domain>(call, *found);
    return {};
}

Status lookup_by_uuid(WireCall& call, const remote::domain_lookup_by_uuid_args& args,
                      remote::domain_lookup_by_uuid_ret& ret) {
    const Uuid uuid = Uuid::from_bytes(args.uuid.data());
    const ObjectPtr found = call.driver().registry().find_uuid(PV_KIND_DOMAIN, uuid);
    if (found == nullptr)
        return make_error(ErrorCode::no_domain, call.driver().error_domain(),
                          "no domain with matching uuid '{}'", uuid.to_string());
    PV_TRY(call.access().check(found));
    ret.dom = to_wire<protocol::domain>(call, *found);
    return {};
}

// One attribute of the domain, as the 0 or 1 that several procedures answer with.
template <typename Args, typename Ret, std::int32_t Ret::*Field, std::uint64_t Attr>
Status attribute(WireCall& call, const Args& args, Ret& ret) {
    PV_ASSIGN_OR_RETURN(const ObjectPtr found, find_domain(call, args.dom));
    ret.*Field = (found->attrs & Attr) != 0 ? 1 : 0;
    return {};
}

Status get_state(WireCall& call, const remote::domain_get_state_args& args,
                 remote::domain_get_state_ret& ret) {
    if (args.flags != 0)
        return make_error(ErrorCode::invalid_arg, call.driver().error_domain(),
                          "unsupported flags (0x{:x}) in function domain_get_state", args.flags);
    PV_ASSIGN_OR_RETURN(const ObjectPtr found, find_domain(call, args.dom));
    ret.state = found->state;
    ret.reason = found->reason;
    return {};
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(remote::Proc proc) {
    return {remote::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

template <typename Args, typename Ret, std::int32_t Ret::*Field, std::uint64_t Attr>
constexpr HostAnswer attribute_entry(remote::Proc proc) {
    return entry<Args, Ret, &attribute<Args, Ret, Field, Attr>>(proc);
}

constexpr HostAnswer kAnswers[] = {
    entry<remote::connect_list_all_domains_args, remote::connect_list_all_domains_ret, &list_all>(
        remote::Proc::connect_list_all_domains),
    entry<Nothing, remote::connect_num_of_domains_ret, &num_of_domains>(remote::Proc::connect_num_of_domains),
    entry<Nothing, remote::connect_num_of_defined_domains_ret, &num_of_defined>(
        remote::Proc::connect_num_of_defined_domains),
    entry<remote::connect_list_domains_args, remote::connect_list_domains_ret, &list_domains>(
        remote::Proc::connect_list_domains),
    entry<remote::connect_list_defined_domains_args, remote::connect_list_defined_domains_ret,
          &list_defined>(remote::Proc::connect_list_defined_domains),
    entry<remote::domain_lookup_by_id_args, remote::domain_lookup_by_id_ret, &lookup_by_id>(
        remote::Proc::domain_lookup_by_id),
    entry<remote::domain_lookup_by_name_args, remote::domain_lookup_by_name_ret, &lookup_by_name>(
        remote::Proc::domain_lookup_by_name),
    entry<remote::domain_lookup_by_uuid_args, remote::domain_lookup_by_uuid_ret, &lookup_by_uuid>(
        remote::Proc::domain_lookup_by_uuid),
    entry<remote::domain_get_state_args, remote::domain_get_state_ret, &get_state>(
        remote::Proc::domain_get_state),
    attribute_entry<remote::domain_is_active_args, remote::domain_is_active_ret,
                    &remote::domain_is_active_ret::active, PV_ATTR_ACTIVE>(remote::Proc::domain_is_active),
    attribute_entry<remote::domain_is_persistent_args, remote::domain_is_persistent_ret,
                    &remote::domain_is_persistent_ret::persistent, PV_ATTR_PERSISTENT>(
        remote::Proc::domain_is_persistent),
    attribute_entry<remote::domain_is_updated_args, remote::domain_is_updated_ret,
                    &remote::domain_is_updated_ret::updated, PV_ATTR_UPDATED>(remote::Proc::domain_is_updated),
    attribute_entry<remote::domain_get_autostart_args, remote::domain_get_autostart_ret,
                    &remote::domain_get_autostart_ret::autostart, PV_ATTR_AUTOSTART>(
        remote::Proc::domain_get_autostart),
    attribute_entry<remote::domain_has_managed_save_image_args, remote::domain_has_managed_save_image_ret,
                    &remote::domain_has_managed_save_image_ret::result, PV_ATTR_DOM_MANAGED_SAVE>(
        remote::Proc::domain_has_managed_save_image),
};

} // namespace

std::span<const HostAnswer> domain_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
