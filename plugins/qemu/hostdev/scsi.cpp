// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/scsi.h"

#include <cerrno>
#include <charconv>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Hostdev;

// "2:0:0:1", as the kernel names it.
Result<std::string> scsi_name(const Hostdev& h) {
    constexpr std::string_view kAdapter = "scsi_host";
    const std::string& adapter = h.source.adapter;
    const char* const end = adapter.data() + adapter.size();
    std::uint32_t number = 0;
    const bool named = adapter.starts_with(kAdapter);
    const auto [stop, error] = std::from_chars(adapter.data() + (named ? kAdapter.size() : 0), end, number);
    if (!named || error != std::errc() || stop != end)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "Cannot parse adapter '{}'", adapter);
    const sdk::domain::HostAddress a = h.source.address.value_or(sdk::domain::HostAddress{});
    return fmt::format("{}:{}:{}:{}", number, a.bus.value_or(0), a.target.value_or(0), a.unit.value_or(0));
}

} // namespace

Result<std::string> scsi_node(const Sysfs& host, const Hostdev& h) {
    PV_ASSIGN_OR_RETURN(const std::string name, scsi_name(h));
    PV_ASSIGN_OR_RETURN(const auto nodes, host.names(fmt::format("/sys/bus/scsi/devices/{}/scsi_generic", name)));
    const std::string node = nodes.empty() ? std::string("/dev/sg") : "/dev/" + nodes.front();
    if (!host.exists(node))
        return make_system_error(ENOENT, ErrorDomain::none, fmt::format("SCSI device '{}': could not access {}", name, node));
    return node;
}

Result<HeldDevice> held_scsi(const Sysfs& host, const Hostdev& h) {
    HeldDevice d{.kind = HostKind::scsi, .name = {}, .alias = h.info.alias.name, .shared = h.shareable};
    PV_ASSIGN_OR_RETURN(d.name, scsi_name(h));
    PV_ASSIGN_OR_RETURN(d.node, scsi_node(host, h));
    d.write = !h.readonly;
    return d;
}

Result<HeldDevice> held_scsi_host(const Sysfs& host, const Hostdev& h) {
    const std::string& wwpn = h.source.wwpn;
    if (!wwpn.starts_with("naa.") || wwpn.find('/') != std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::domain, "malformed 'wwpn' value '{}'", wwpn);
    if (!host.exists(kVhostScsi))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::none, "vhost-scsi device file '{}' cannot be found", kVhostScsi);
    return HeldDevice{.kind = HostKind::scsi_host, .name = wwpn, .alias = h.info.alias.name};
}

} // namespace polyvirt::qemu
