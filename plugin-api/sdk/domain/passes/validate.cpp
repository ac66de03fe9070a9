// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What no domain may say, whatever runs it. One row for each rule; the first that is broken is told.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "base/error_text.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

using Found = std::optional<std::string>; // what is wrong, in words

struct DomainRule {
    ErrorCode code;
    Found (*broken)(const Domain& d);
};

Found primary_videos(const Domain& d) {
    const auto& v = d.devices.videos;
    if (std::count_if(v.begin(), v.end(), [](const Video& x) { return x.model.primary == YesNo::yes; }) > 1)
        return "Only one primary video device is supported";
    return {};
}

Found two_auths(const Domain& d) {
    for (const Disk& disk : d.devices.disks) {
        if (disk.auth && disk.source && disk.source->auth)
            return "an <auth> definition already found for disk source";
        if (disk.encryption && disk.source && disk.source->encryption)
            return "an <encryption> definition already found for disk source";
    }
    return {};
}

Found scsi_address(const Domain& d) {
    for (const Disk& disk : d.devices.disks) {
        const bool drive = disk.target.bus == DiskBus::scsi || disk.target.bus == DiskBus::ide || disk.target.bus == DiskBus::sata ||
                           disk.target.bus == DiskBus::fdc;
        if (drive && disk.info.address && disk.info.address->type != AddressType::drive && disk.info.address->type != AddressType::unset)
            return fmt::format("Invalid address type '{}' for the disk '{}' with the bus type '{}'",
                               kAddressTypes[static_cast<std::size_t>(disk.info.address->type)], disk.target.dev,
                               kDiskBuses[static_cast<std::size_t>(disk.target.bus)]);
    }
    return {};
}

Found mediated(const Domain& d) {
    std::size_t ramfb = 0;
    for (const Hostdev& h : d.devices.hostdevs) {
        if (h.type == "mdev" && (!h.source.address || h.source.address->uuid.empty()))
            return "Missing 'uuid' attribute for element <address>";
        ramfb += h.type == "mdev" && h.ramfb == "on";
    }
    if (ramfb > 1)
        return "Only one vgpu device can have 'ramfb' enabled";
    return {};
}

Found numatune_nodeset(const Domain& d) {
    if (d.numatune && d.numatune->memory && d.numatune->memory->placement == "static" && d.numatune->memory->nodeset.empty())
        return "nodeset for NUMA memory tuning must be set if 'placement' is 'static'";
    return {};
}

Found graphics_sockets(const Domain& d) {
    for (const Graphics& g : d.devices.graphics) {
        if (!g.socket.empty() && !g.listens.empty() && g.listens[0].type == ListenType::socket && g.listens[0].socket != g.socket)
            return fmt::format("graphics 'socket' attribute '{}' must match 'socket' attribute of first listen element (found '{}')",
                               g.socket, g.listens[0].socket);
    }
    return {};
}

Found memnodes(const Domain& d) {
    if (d.numatune && !d.numatune->memnodes.empty() && (!d.cpu || d.cpu->numa.empty()))
        return "Element 'memnode' is invalid without any guest NUMA cells";
    return {};
}

bool same_host_address(const HostAddress& x, const HostAddress& y) {
    return x.domain.value_or(0) == y.domain.value_or(0) && x.bus == y.bus && x.slot == y.slot && x.function == y.function &&
           x.device == y.device && x.target == y.target && x.unit == y.unit && x.uuid == y.uuid;
}

bool same_host_device(const Hostdev& a, const Hostdev& b) {
    if (a.mode != b.mode || a.type != b.type)
        return false;
    const HostdevSource &x = a.source, &y = b.source;
    if (x.protocol == "iscsi" || y.protocol == "iscsi") {
        const bool same_host = x.hosts.size() == 1 && y.hosts.size() == 1 && x.hosts[0].name == y.hosts[0].name && x.hosts[0].port == y.hosts[0].port;
        return x.protocol == y.protocol && x.name == y.name && same_host;
    }
    if (!x.wwpn.empty())
        return x.wwpn == y.wwpn;
    return x.address && y.address && x.adapter == y.adapter && same_host_address(*x.address, *y.address);
}

Found duplicate_hostdevs(const Domain& d) {
    const auto& list = d.devices.hostdevs;
    for (std::size_t i = 0; i < list.size(); i++) {
        for (std::size_t j = 0; j < i; j++) {
            if (same_host_device(list[i], list[j]))
                return "Hostdev already exists in the domain configuration";
        }
    }
    return {};
}

Found udp_sources(const Domain& d) {
    for (const auto* list : {&d.devices.serials, &d.devices.parallels, &d.devices.consoles, &d.devices.channels}) {
        for (const Chardev& c : *list) {
            if (c.sources.size() > 2)
                return "only two source elements are allowed for character device";
        }
    }
    return {};
}

Found network_listens(const Domain& d) {
    for (const Graphics& g : d.devices.graphics) {
        for (const GraphicsListen& l : g.listens) {
            if (l.type == ListenType::network && l.network.empty())
                return "'network' attribute is required for listen type 'network'";
        }
    }
    return {};
}

template <typename F> void each_source(const Domain& d, F&& f) {
    for (const auto* list : {&d.devices.serials, &d.devices.parallels, &d.devices.consoles, &d.devices.channels}) {
        for (const Chardev& c : *list)
            for (const ChardevSource& s : c.sources) f(s);
    }
    for (const Smartcard& c : d.devices.smartcards)
        for (const ChardevSource& s : c.sources) f(s);
    for (const Redirdev& c : d.devices.redirdevs)
        for (const ChardevSource& s : c.sources) f(s);
    for (const Rng& c : d.devices.rngs)
        for (const ChardevSource& s : c.backend.sources) f(s);
}

Found reconnect_timeouts(const Domain& d) {
    Found found;
    each_source(d, [&](const ChardevSource& s) {
        if (s.reconnect && s.reconnect->enabled == YesNo::yes && !s.reconnect->timeout)
            found = "Missing required attribute 'timeout' in element 'reconnect'";
    });
    return found;
}

Found firmware_loader(const Domain& d) {
    const Loader& loader = d.os.loader;
    if (!d.os.firmware.empty()) {
        constexpr std::string_view kLater =
            "loader attribute '{}' cannot be specified when firmware autoselection is enabled";
        if (loader.readonly != YesNo::unset)
            return fmt::format(kLater, "readonly");
        if (!loader.type.empty() || !loader.path.empty()) // a path has a type, if only by default
            return fmt::format(kLater, "type");
        if (loader.secure == YesNo::no)
            return fmt::format(kLater, "secure");
        if ((d.os.nvram || loader.stateless == YesNo::no) && d.os.firmware != "efi")
            return "Only EFI firmware permits NVRAM";
        return {};
    }
    const bool any = !loader.type.empty() || loader.readonly != YesNo::unset || loader.secure != YesNo::unset ||
                     loader.stateless != YesNo::unset;
    if (any && loader.path.empty())
        return "no loader path specified and firmware auto selection disabled";
    if ((d.os.nvram || loader.stateless == YesNo::no) && !loader.path.empty() && loader.type != "pflash")
        return "Only pflash loader type permits NVRAM";
    return {};
}

Found usb_masters(const Domain& d) {
    for (const Controller& c : d.devices.controllers) {
        if (c.type != ControllerType::usb || c.model.rfind("ich9-uhci", 0) != 0)
            continue;
        const auto& all = d.devices.controllers;
        if (std::none_of(all.begin(), all.end(), [&](const Controller& m) {
                return m.type == ControllerType::usb && m.index == c.index && m.model.rfind("ich9-ehci", 0) == 0;
            }))
            return "No master USB controller specified";
    }
    return {};
}

bool is_date(const std::string& text) { // mm/dd/yy or mm/dd/yyyy
    unsigned month = 0, day = 0, year = 0;
    int end = 0;
    if (std::sscanf(text.c_str(), "%2u/%2u/%4u%n", &month, &day, &year, &end) != 3 || static_cast<std::size_t>(end) != text.size())
        return false;
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && (year < 100 || (year >= 1900 && year <= 9999));
}

Found bios_date(const Domain& d) {
    for (const Sysinfo& s : d.sysinfos) {
        for (const SysinfoEntry& e : s.bios.entries) {
            if (e.name == "date" && !is_date(e.value))
                return "Invalid BIOS 'date' format";
        }
    }
    return {};
}

Found module_nodes(const Domain& d) {
    const std::size_t cells = d.cpu ? d.cpu->numa.cells.size() : 0;
    for (const MemoryDevice& m : d.devices.memories) {
        if (m.target.node && cells != 0 && *m.target.node >= cells)
            return fmt::format("can't add memory backend for guest node '{}' as the guest has only '{}' NUMA nodes configured",
                               *m.target.node, cells);
    }
    return {};
}

Found missing_paths(const Domain& d) {
    for (const Redirdev& r : d.devices.redirdevs) {
        if (r.type == "unix" && (r.sources.empty() || r.sources[0].path.empty()))
            return "Missing source path attribute for char device";
    }
    for (const Smartcard& s : d.devices.smartcards) {
        if (s.type == "unix" && (s.sources.empty() || s.sources[0].path.empty()))
            return "Missing source path attribute for char device";
    }
    for (const Rng& r : d.devices.rngs) {
        if (r.backend.model == "egd" && r.backend.type == "unix" && (r.backend.sources.empty() || r.backend.sources[0].path.empty()))
            return "Missing source path attribute for char device";
    }
    return {};
}

Found tpm_backends(const Domain& d) {
    for (const Tpm& t : d.devices.tpms) {
        const PcrBank& banks = t.backend.active_pcr_banks;
        if (t.backend.type == "emulator" && t.backend.version == "1.2" && (banks.sha1 || banks.sha256 || banks.sha384 || banks.sha512))
            return "<active_pcr_banks/> requires TPM version '2.0'";
        if (t.backend.type != "external")
            continue;
        if (t.backend.sources.empty() || t.backend.sources[0].type.empty())
            return "missing external TPM backend type";
        const ChardevSource& source = t.backend.sources[0];
        if (source.type != "unix")
            return "only source type 'unix' is supported for external TPM device";
        if (source.path.empty())
            return "missing socket path for external TPM device";
        if (source.mode == "bind")
            return "only 'client' mode is supported for external TPM device";
    }
    return {};
}

Found direct_interfaces(const Domain& d) {
    constexpr std::string_view kModes[] = {"", "vepa", "bridge", "private", "passthrough"};
    for (const Interface& i : d.devices.interfaces) {
        if (i.type != InterfaceType::direct)
            continue;
        if (i.source.dev.empty() && i.source.network.empty())
            return "No <source> 'dev' attribute specified with <interface type='direct'/>";
        if (std::find(std::begin(kModes), std::end(kModes), i.source.mode) == std::end(kModes))
            return fmt::format("Invalid value for attribute 'mode' in element 'source': '{}'.", i.source.mode);
    }
    return {};
}

// What a file system is made of, by its type; those of RAM and of volumes say it otherwise.
const std::string& share_source(const Filesystem& f) {
    const FilesystemSource& s = f.source;
    if (!s.socket.empty()) return s.socket;
    return f.type == "file" ? s.file : f.type == "block" ? s.dev : f.type == "template" ? s.name : s.dir;
}

Found shares_without_source(const Domain& d) {
    for (const Filesystem& f : d.devices.filesystems) {
        if (f.type != "ram" && f.type != "volume" && share_source(f).empty())
            return "missing source information for device " + f.target;
    }
    return {};
}

Found shares_without_target(const Domain& d) {
    for (const Filesystem& f : d.devices.filesystems) {
        if (f.target.empty()) return "missing target information for device " + share_source(f);
    }
    return {};
}

Found shares_in_boot_order(const Domain& d) {
    for (const Filesystem& f : d.devices.filesystems) {
        if (f.info.boot.order && f.driver.type != "virtiofs") return "boot order is only supported for virtiofs";
    }
    return {};
}

Found audio_ids(const Domain& d) {
    std::set<std::uint32_t> ids;
    for (const Audio& a : d.devices.audios) {
        if (a.id && !ids.insert(*a.id).second)
            return fmt::format("audio ID {} is used multiple times", *a.id);
    }
    for (const Sound& s : d.devices.sounds) {
        if (s.audio.id && !ids.empty() && !ids.contains(*s.audio.id))
            return fmt::format("no audio device with ID {}", *s.audio.id);
    }
    return {};
}

constexpr DomainRule kRules[] = {
    {ErrorCode::config_unsupported, primary_videos},   {ErrorCode::config_unsupported, two_auths},
    {ErrorCode::config_unsupported, scsi_address},     {ErrorCode::config_unsupported, mediated},
    {ErrorCode::config_unsupported, numatune_nodeset}, {ErrorCode::config_unsupported, graphics_sockets},
    {ErrorCode::xml_error, memnodes},                  {ErrorCode::xml_error, duplicate_hostdevs},
    {ErrorCode::xml_error, udp_sources},               {ErrorCode::xml_error, network_listens},
    {ErrorCode::xml_error, reconnect_timeouts},        {ErrorCode::xml_error, audio_ids},
    {ErrorCode::xml_error, tpm_backends},
    {ErrorCode::xml_detail, firmware_loader},          {ErrorCode::xml_detail, usb_masters},
    {ErrorCode::xml_detail, bios_date},                {ErrorCode::xml_detail, module_nodes},
    {ErrorCode::internal_error, missing_paths},        {ErrorCode::xml_error, direct_interfaces},
    {ErrorCode::no_source, shares_without_source},     {ErrorCode::no_target, shares_without_target},
    {ErrorCode::config_unsupported, shares_in_boot_order},
};

} // namespace

Status validate(const Domain& d) {
    for (const DomainRule& rule : kRules) {
        if (Found wrong = rule.broken(d))
            return make_error_text(rule.code, ErrorDomain::domain, *std::move(wrong));
    }
    return validate_shares(d);
}

Status check_filesystem_targets(const Domain& d) {
    std::set<std::string_view> targets;
    for (const Filesystem& f : d.devices.filesystems) {
        if (!targets.insert(f.target).second)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::domain, "filesystem target '{}' specified twice", f.target);
    }
    return {};
}

} // namespace polyvirt::sdk::domain
