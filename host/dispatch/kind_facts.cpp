// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/kind_facts.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <polyvirt/abi/base.h>

#include "base/error_text.h"
#include "host/plugin/instance.h"

namespace polyvirt::dispatch {
namespace {

constexpr const char* kByName = "no {} with matching name '{}'";

// By PV_KIND_*.
constexpr std::array<KindFacts, PV_KIND_CHECKPOINT + 1> kFacts = {{
    {ErrorCode::internal_error, ErrorDomain::none, "object", kByName, ""},
    {ErrorCode::no_domain, ErrorDomain::none, "domain", kByName, ""},
    {ErrorCode::no_network, ErrorDomain::network, "network", kByName, "network"},
    {ErrorCode::no_network_port, ErrorDomain::network, "network port", kByName, "network"},
    {ErrorCode::no_interface, ErrorDomain::interface, "interface", "couldn't find {} named '{}'", "udev"},
    {ErrorCode::no_storage_pool, ErrorDomain::storage, "storage pool", kByName, "storage"},
    {ErrorCode::no_storage_vol, ErrorDomain::storage, "storage vol", kByName, "storage"},
    {ErrorCode::no_node_device, ErrorDomain::nodedev, "node device", kByName, "node"},
    {ErrorCode::no_nwfilter, ErrorDomain::nwfilter, "nwfilter", kByName, "nwfilter"},
    {ErrorCode::no_nwfilter_binding, ErrorDomain::nwfilter, "nwfilter binding", "no {} for port dev '{}'", "nwfilter"},
    {ErrorCode::no_secret, ErrorDomain::secret, "secret", kByName, "secret"},
    {ErrorCode::no_domain_snapshot, ErrorDomain::none, "domain snapshot", kByName, ""},
    {ErrorCode::no_domain_checkpoint, ErrorDomain::none, "domain checkpoint", kByName, ""},
}};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// virNetworkListAllPorts of part "network" is networkListAllPorts there, virConnectListAllNetworks is
// networkConnectListAllNetworks.
std::string peer_function(const protocol::ProcInfo& proc, std::uint32_t kind, const plugin::Instance& driver) {
    std::string_view api = proc.api;
    if (api.starts_with("vir")) api.remove_prefix(3);
    std::string part = facts_of(kind).part;
    if (part.empty()) part = driver.plugin_id();
    const bool named_so = lower(std::string(api.substr(0, part.size()))) == part;
    return part + std::string(named_so ? api.substr(part.size()) : api);
}

} // namespace

const KindFacts& facts_of(std::uint32_t kind) { return kFacts[kind < kFacts.size() ? kind : 0]; }

ErrorDomain error_domain_of(std::uint32_t kind, ErrorDomain driver) {
    const ErrorDomain domain = facts_of(kind).domain;
    return domain == ErrorDomain::none ? driver : domain;
}

Error no_such_object(std::uint32_t kind, ErrorDomain driver, std::string detail) {
    return make_error_text(facts_of(kind).none, error_domain_of(kind, driver), std::move(detail));
}

Error no_such_name(std::uint32_t kind, ErrorDomain driver, std::string_view name) {
    const KindFacts& facts = facts_of(kind);
    return no_such_object(kind, driver, fmt::format(fmt::runtime(facts.by_name), facts.noun, name));
}

Status check_flags(const protocol::ProcInfo& proc, std::uint32_t kind, const plugin::Instance& driver, std::uint32_t flags,
                   std::uint32_t known) {
    if ((flags & ~known) == 0) return {};
    Error error;
    error.code = ErrorCode::invalid_arg;
    error.domain = error_domain_of(kind, driver.error_domain());
    error.str1 = peer_function(proc, kind, driver);
    error.str2 = "flags";
    error.int1 = 0;
    error.message = fmt::format("unsupported flags (0x{:x}) in function {}", flags & ~known, error.str1);
    return error;
}

} // namespace polyvirt::dispatch
