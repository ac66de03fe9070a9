// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "command/blockdev.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace polyvirt::qemu {

using namespace sdk::domain;

std::string in_url(const std::string& host) { return host.find(':') != std::string::npos ? "[" + host + "]" : host; }

bool has_source(DiskType type, const DiskSource* s) {
    if (s == nullptr) return false;
    switch (type) {
    case DiskType::network: return !s->protocol.empty();
    case DiskType::nvme: return s->nvme.has_value();
    case DiskType::volume: return !s->pool.empty();
    case DiskType::vhostuser: return !s->path.empty();
    case DiskType::dir: return !s->dir.empty();
    case DiskType::block: return !s->dev.empty();
    default: return !s->file.empty() || !s->fd_group.empty();
    }
}

namespace {

Options cache_of(const Disk& disk) {
    switch (disk.driver.cache) {
    case DiskCache::none:
    case DiskCache::directsync: return {{"direct", true}, {"no-flush", false}};
    case DiskCache::writethrough:
    case DiskCache::writeback: return {{"direct", false}, {"no-flush", false}};
    case DiskCache::unsafe: return {{"direct", false}, {"no-flush", true}};
    default: return nullptr;
    }
}

Options server(const DiskHost& h, bool typed) {
    if (h.transport == "unix") return {{"type", "unix"}, {"path", h.socket}};
    Options o;
    if (typed) o["type"] = "inet";
    o["host"] = h.name;
    if (!h.port.empty()) o["port"] = h.port;
    return o;
}

Options servers(const std::vector<DiskHost>& hosts, bool typed, std::string_view port) {
    Options list = Options::array();
    for (DiskHost h : hosts) {
        if (h.port.empty() && h.transport.empty()) h.port = port;
        list.push_back(server(h, typed));
    }
    return list;
}

// "pool/image" at the first slash.
std::pair<std::string, std::string> split(const std::string& name) {
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos) return {name, {}};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

Error no_secret(const Disk& disk) {
    return Builder::unsupported("disk '{}': secrets are not supported by this version", disk.target.dev);
}

Result<Options> web(const DiskSource& s) {
    if (s.hosts.empty()) return Builder::unsupported("protocol '{}' needs a host", s.protocol);
    const DiskHost& h = s.hosts.front();
    std::string url = fmt::format("{}://{}", s.protocol, in_url(h.name));
    if (!h.port.empty()) url += ":" + h.port;
    url += (s.name.starts_with('/') ? "" : "/") + s.name;
    if (!s.query.empty()) url += "?" + s.query;
    Options o{{"driver", s.protocol}, {"url", url}};
    if (s.ssl_verify != YesNo::unset) o["sslverify"] = s.ssl_verify == YesNo::yes;
    if (s.timeout) o["timeout"] = *s.timeout;
    if (s.readahead) o["readahead"] = *s.readahead;
    return o;
}

Result<Options> iscsi(const DiskSource& s) {
    if (s.hosts.empty()) return Builder::unsupported("protocol 'iscsi' needs a host");
    const std::size_t slash = s.name.find('/');
    const std::string target = s.name.substr(0, slash);
    std::uint32_t lun = 0;
    if (slash != std::string::npos) std::from_chars(s.name.data() + slash + 1, s.name.data() + s.name.size(), lun);
    const DiskHost& h = s.hosts.front();
    Options o{{"driver", "iscsi"},
              {"portal", fmt::format("{}:{}", in_url(h.name), h.port.empty() ? "3260" : h.port)},
              {"target", target},
              {"lun", lun},
              {"transport", h.transport == "rdma" ? "iser" : "tcp"}};
    if (!s.initiator.empty()) o["initiator-name"] = s.initiator;
    return o;
}

Options rbd(const DiskSource& s) {
    const auto [pool, image] = split(s.name);
    Options o{{"driver", "rbd"}, {"pool", pool}, {"image", image}};
    if (!s.snapshot.empty()) o["snapshot"] = s.snapshot;
    if (!s.config.empty()) o["conf"] = s.config;
    if (!s.hosts.empty()) o["server"] = servers(s.hosts, false, "6789");
    return o;
}

Result<Options> network(const DiskSource& s) {
    const std::string& p = s.protocol;
    if (p == "http" || p == "https" || p == "ftp" || p == "ftps" || p == "tftp") return web(s);
    if (p == "iscsi") return iscsi(s);
    if (p == "rbd") return rbd(s);
    if (p == "gluster") {
        const auto [volume, path] = split(s.name);
        return Options{{"driver", "gluster"}, {"volume", volume}, {"path", path}, {"server", servers(s.hosts, true, "24007")}, {"debug", 4}};
    }
    if (s.hosts.size() != 1) return Builder::unsupported("protocol '{}' accepts only one host", p);
    if (p == "nbd") {
        Options o{{"driver", "nbd"}, {"server", server(s.hosts.front(), true)}};
        if (!s.name.empty()) o["export"] = s.name;
        if (s.reconnect && s.reconnect->enabled == YesNo::yes) o["reconnect-delay"] = s.reconnect->timeout.value_or(0);
        return o;
    }
    if (p == "sheepdog") return Options{{"driver", "sheepdog"}, {"server", server(s.hosts.front(), true)}, {"vdi", s.name}};
    if (p == "nfs") {
        Options o{{"driver", "nfs"}, {"server", {{"host", s.hosts.front().name}, {"type", "inet"}}}, {"path", s.name}};
        const auto id = [&](const char* option, const std::string& text) {
            std::uint32_t n = 0;
            const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
            if (!text.empty() && std::from_chars(begin, text.data() + text.size(), n).ec == std::errc{}) o[option] = n;
        };
        id("user", s.user);
        id("group", s.group);
        return o;
    }
    if (p == "ssh") return Options{{"driver", "ssh"}, {"path", s.name}, {"server", server(s.hosts.front(), false)}};
    if (p == "vxhs") return Builder::unsupported("VxHS protocol is not supported with this QEMU binary");
    return Builder::unsupported("'{}' protocol is not supported with this QEMU binary", p);
}

} // namespace

std::uint32_t fdset_of(std::string_view group) {
    std::uint32_t hash = 0x811c9dc5U;
    for (const char c : group) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
    return (hash & 0x3fffffffU) + 1000; // out of the way of small numbers, which others choose
}

Result<Options> storage(const std::string& who, const Image& image, bool floppy) {
    const DiskSource& s = *image.source;
    switch (image.type) {
    case DiskType::block: return Options{{"driver", "host_device"}, {"filename", s.dev}};
    case DiskType::file:
        if (!s.fd_group.empty()) return Options{{"driver", "file"}, {"filename", fmt::format("/dev/fdset/{}", fdset_of(s.fd_group))}};
        return Options{{"driver", "file"}, {"filename", s.file}};
    case DiskType::dir:
        return Options{{"driver", "vvfat"}, {"dir", s.dir}, {"floppy", floppy}};
    case DiskType::network: return network(s);
    case DiskType::nvme:
        return Options{{"driver", "nvme"},
                       {"device", fmt::format("{:04x}:{:02x}:{:02x}.{:x}", s.nvme->domain.value_or(0), s.nvme->bus.value_or(0),
                                              s.nvme->slot.value_or(0), s.nvme->function.value_or(0))},
                       {"namespace", s.nvme_namespace.value_or(1)}};
    default:
        return Builder::unsupported("{}: the emulator has no sources of type '{}'", who, name(image.type));
    }
}

namespace {

// Formats, and who reads them. A folder that is shown as a FAT file system is one by then.
constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
    {"raw", "raw"}, {"qcow2", "qcow2"}, {"qcow", "qcow"}, {"vmdk", "vmdk"}, {"vdi", "vdi"}, {"vpc", "vpc"}, {"qed", "qed"}, {"vhdx", "vhdx"},
    {"luks", "luks"}, {"bochs", "bochs"}, {"cloop", "cloop"}, {"dmg", "dmg"}, {"ploop", "parallels"}, {"fat", "raw"}};
constexpr std::array<std::string_view, 4> kWithBacking{"qcow2", "qcow", "vmdk", "qed"};

std::string helper_socket(const Reservations& r) { return r.source ? r.source->path : std::string(); }

// Who makes persistent reservations for an emulator that may not: one of the guest's own, or one that the
// document names. The id of its object; empty: none is wanted.
Result<std::string> add_reservations(Builder& b, const Disk& disk, const Link& link) {
    const auto& reservations = link.source.reservations;
    if (!reservations) return std::string();
    if (reservations->managed == YesNo::yes) {
        if (!b.context.sketch)
            return Builder::unsupported("disk '{}': a helper for reservations that is started with the guest is not supported by "
                                        "this version", disk.target.dev);
        return std::string("pr-helper0");
    }
    const std::string socket = helper_socket(*reservations);
    if (socket.empty()) return Builder::unsupported("disk '{}': <reservations> names no socket", disk.target.dev);
    const std::string id = "pr-helper-" + storage_node(link.number());
    b.json("-object", {{"qom-type", "pr-manager-helper"}, {"id", id}, {"path", socket}});
    return id;
}

} // namespace

Result<ImageNodes> image_nodes(const Disk& disk, const Link& link, const NodePlace& place) {
    const auto known = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const auto& row) { return row.first == link.format; });
    if (known == std::end(kFormats)) return Builder::unsupported("unknown driver format value '{}'", link.format);
    if (link.source.auth || link.source.encryption || !link.source.cookies.empty()) return no_secret(disk);
    ImageNodes nodes;
    const Options cache = cache_of(disk);
    const Image image{link.type, &link.source, link.format};
    PV_ASSIGN_OR_RETURN(nodes.storage, storage("disk '" + disk.target.dev + "'", image, disk.device == DiskDevice::floppy));
    if (link.type == DiskType::file || link.type == DiskType::block) {
        if (disk.driver.io != DiskIo::unset && disk.driver.io != DiskIo::default_) nodes.storage["aio"] = name(disk.driver.io);
    }
    if (link.source.tls == "yes") {
        if (place.tls.empty()) return Builder::unsupported("disk '{}': a source by protocol '{}' with TLS cannot come in this way", disk.target.dev, link.source.protocol);
        nodes.storage["tls-creds"] = place.tls;
        if (!link.source.tls_hostname.empty()) nodes.storage["tls-hostname"] = link.source.tls_hostname;
    }
    if (!place.reservations.empty()) nodes.storage["pr-manager"] = place.reservations;
    nodes.storage["node-name"] = storage_node(link.number());
    if (!cache.is_null()) nodes.storage["cache"] = cache;
    // A descriptor is open as it is; opening it anew, for reading first, finds none.
    if (link.source.fd_group.empty()) nodes.storage["auto-read-only"] = true;
    else nodes.storage["read-only"] = !place.top || disk.readonly;
    nodes.storage["discard"] = "unmap";
    Options& format = nodes.format;
    format = Options{{"node-name", format_node(link.number())}, {"read-only", !place.top || disk.readonly}};
    if (place.top && disk.driver.discard == DiscardPolicy::unmap) format["discard"] = "unmap";
    if (place.top && disk.driver.detect_zeroes != DetectZeroes::unset && disk.driver.detect_zeroes != DetectZeroes::off)
        format["detect-zeroes"] = name(disk.driver.detect_zeroes);
    if (!cache.is_null()) format["cache"] = cache;
    format["driver"] = known->second;
    if (place.top && link.metadata_cache) format["cache-size"] = *link.metadata_cache;
    format["file"] = storage_node(link.number());
    const bool holds = std::find(kWithBacking.begin(), kWithBacking.end(), link.format) != kWithBacking.end();
    if (!place.below.empty()) format["backing"] = place.below;
    else if (place.ended && holds) format["backing"] = nullptr;
    return nodes;
}

std::string copy_on_read_node(const Disk& disk) { return disk.driver.copy_on_read == OnOff::on ? "libvirt-CoR-" + disk.target.dev : std::string(); }

Options copy_on_read(const Disk& disk, const std::string& below) {
    return {{"driver", "copy-on-read"}, {"node-name", copy_on_read_node(disk)}, {"file", below}, {"discard", "unmap"}};
}

std::string top_node(const Disk& disk) {
    const std::string filter = copy_on_read_node(disk);
    return !filter.empty() || !disk.source ? filter : format_node(disk.source->index.value_or(0));
}

Result<std::string> add_blockdevs(Builder& b, const Disk& disk) {
    const Chain chain = chain_of(disk);
    std::string below;
    for (std::size_t i = chain.links.size(); i-- > 0;) {
        const Link& link = chain.links[i];
        NodePlace place{.top = i == 0, .below = below, .ended = chain.ended, .reservations = {}};
        if (link.source.tls == "yes" && link.source.protocol == "nbd") {
            place.tls = storage_node(link.number()) + "_tls0";
            b.tls(place.tls, b.context.protections.nbd, false);
        }
        PV_ASSIGN_OR_RETURN(place.reservations, add_reservations(b, disk, link));
        PV_ASSIGN_OR_RETURN(const ImageNodes nodes, image_nodes(disk, link, place));
        b.json("-blockdev", nodes.storage);
        b.json("-blockdev", nodes.format);
        below = format_node(link.number());
    }
    if (copy_on_read_node(disk).empty()) return below;
    b.json("-blockdev", copy_on_read(disk, below));
    return copy_on_read_node(disk);
}

void add_own_helper(Builder& b) {
    const auto& disks = b.domain.devices.disks;
    const bool needed = std::any_of(disks.begin(), disks.end(), [](const Disk& d) {
        return d.source && d.source->reservations && d.source->reservations->managed == YesNo::yes;
    });
    if (needed)
        b.json("-object", {{"qom-type", "pr-manager-helper"}, {"id", "pr-helper0"}, {"path", b.context.folder + "/pr-helper0.sock"}});
}

} // namespace polyvirt::qemu
