// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Domains from the document of the imaginary host: how one is found when the first client comes is said in a namespace
// that the peer's driver knows too.

#include <algorithm>
#include <charconv>

#include "base/error_text.h"
#include "domains.h"

namespace polyvirt::test {
namespace {

using sdk::xml::Node;

constexpr std::string_view kTestNamespace = "http://libvirt.org/schemas/domain/test/1.0";

const Node* find(const Node& root, std::string_view name) {
    const auto found = std::find_if(root.children.begin(), root.children.end(), [&](const Node& n) {
        return n.is_element() && n.name == name && n.uri == kTestNamespace;
    });
    return found == root.children.end() ? nullptr : &*found;
}

// The states in which a domain can be found, and why it would be.
struct Found {
    std::int32_t state, reason;
};
constexpr Found kStates[] = {{PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_UNKNOWN},   {PV_DOMAIN_BLOCKED, 0},
                             {PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_UNKNOWN},     {PV_DOMAIN_SHUTDOWN, PV_DOMAIN_SHUTDOWN_UNKNOWN},
                             {PV_DOMAIN_SHUTOFF, PV_DOMAIN_SHUTOFF_UNKNOWN},   {PV_DOMAIN_CRASHED, PV_DOMAIN_CRASHED_UNKNOWN},
                             {PV_DOMAIN_PMSUSPENDED, PV_DOMAIN_PMSUSPENDED_UNKNOWN}};

Result<Found> read_state(const Node& root) {
    const Node* const node = find(root, "runstate");
    if (node == nullptr) return kStates[0];
    const std::string text = node->text();
    std::int32_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto known = std::find_if(std::begin(kStates), std::end(kStates), [&](const Found& f) { return f.state == number; });
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || known == std::end(kStates))
        return make_error(ErrorCode::xml_error, ErrorDomain::test, "line {}: found runstate '{}', expected a number from 1 to 7", node->line, text);
    return *known;
}

} // namespace

Status Domains::load(const Node& element) {
    PV_ASSIGN_OR_RETURN(const Described described, parse(element));
    PV_ASSIGN_OR_RETURN(const Found found, read_state(element));
    const bool transient = find(element, "transient") != nullptr, saved = find(element, "hasmanagedsave") != nullptr;
    const bool off = found.state == PV_DOMAIN_SHUTOFF;
    if (transient && off)
        return make_error(ErrorCode::xml_error, ErrorDomain::test, "transient domain '{}' cannot have runstate 'shutoff'", described.domain->name);
    if (saved && (transient || !off))
        return make_error(ErrorCode::xml_error, ErrorDomain::test, "domain '{}' with managedsave data can only have runstate 'shutoff'",
                          described.domain->name);
    PV_ASSIGN_OR_RETURN(const Table::Added added, add(nullptr, described, !transient));
    if (!added.fresh)
        return make_error(ErrorCode::dom_exist, ErrorDomain::test, "domain '{}' is described twice", described.domain->name);
    Guest& guest = *added.object;
    const ObjectLock lock(guest.mu);
    take_faults(guest, described);
    if (saved) guest.saved = described.domain;
    if (off) set_state(guest, PV_DOMAIN_SHUTOFF, PV_DOMAIN_SHUTOFF_UNKNOWN);
    else boot(guest, described.domain, found.state, found.reason, PV_DOMAIN_EVENT_STARTED_BOOTED);
    return {};
}

} // namespace polyvirt::test
