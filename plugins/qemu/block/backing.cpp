// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is below an image: read from the files, and the names that stand in them.

#include <algorithm>
#include <cerrno>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "block/chain.h"
#include "command/blockdev.h"

namespace polyvirt::qemu {

using namespace sdk::domain;
using Json = nlohmann::json;

namespace {

constexpr std::string_view kWithBacking[] = {"qcow2", "qcow", "vmdk", "qed"};
constexpr std::string_view kProtocols[] = {"nbd", "http", "https", "ftp", "ftps", "tftp", "ssh", "iscsi", "gluster", "nfs"};

bool can_have_backing(std::string_view format) {
    return std::find(std::begin(kWithBacking), std::end(kWithBacking), format) != std::end(kWithBacking);
}

Error unknown_name(const std::string& name) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "backing store parser is not implemented for '{}'", name);
}

BackingRef file_ref(const std::string& path, const std::string& above) {
    BackingRef ref;
    ref.type = DiskType::file;
    ref.source.file = path.starts_with('/') ? path : above.substr(0, above.rfind('/') + 1) + path;
    if (ref.source.file.starts_with("/dev/")) {
        ref.type = DiskType::block;
        std::swap(ref.source.dev, ref.source.file);
    }
    return ref;
}

// protocol://host[:port]/name
Result<BackingRef> url_ref(const std::string& name) {
    const std::size_t colon = name.find("://");
    std::string protocol = name.substr(0, colon);
    if (colon == std::string::npos) return unknown_name(name);
    if (const std::size_t plus = protocol.find('+'); plus != std::string::npos) protocol.resize(plus);
    if (std::find(std::begin(kProtocols), std::end(kProtocols), protocol) == std::end(kProtocols)) return unknown_name(name);
    const std::size_t begin = colon + 3, slash = std::min(name.find('/', begin), name.size());
    std::string host = name.substr(begin, slash - begin);
    DiskHost where;
    const std::size_t port = host.rfind(':');
    if (port != std::string::npos && host.find(']', port) == std::string::npos) {
        where.port = host.substr(port + 1);
        host.resize(port);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    where.name = host;
    BackingRef ref;
    ref.type = DiskType::network;
    ref.source.protocol = protocol;
    const bool keeps_slash = protocol.starts_with("http") || protocol.starts_with("ftp");
    ref.source.name = slash < name.size() ? name.substr(slash + (keeps_slash ? 0 : 1)) : std::string();
    ref.source.hosts.push_back(std::move(where));
    return ref;
}

std::string text(const Json& j, const char* key) {
    const auto it = j.find(key);
    return it != j.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// {"file.filename": x} is another way to write {"file": {"filename": x}}.
Json nested(const Json& flat) {
    Json out = Json::object();
    for (const auto& [key, value] : flat.items()) {
        const std::size_t dot = key.find('.');
        if (dot == std::string::npos) out[key] = value;
        else if (out[key.substr(0, dot)].is_null() || out[key.substr(0, dot)].is_object()) out[key.substr(0, dot)][key.substr(dot + 1)] = value;
    }
    return out;
}

Result<BackingRef> json_ref(const Json& flat, const std::string& name, const std::string& above, int depth) {
    constexpr int kLayers = 3;
    if (!flat.is_object() || depth > kLayers) return unknown_name(name);
    const Json j = nested(flat);
    const std::string driver = text(j, "driver");
    if (const auto file = j.find("file"); file != j.end() && file->is_object()) {
        PV_ASSIGN_OR_RETURN(BackingRef ref, json_ref(*file, name, above, depth + 1));
        ref.format = driver;
        return ref;
    }
    const std::string filename = text(j, "filename");
    if (!filename.empty() && (driver.empty() || driver == "file" || driver == "host_device" || driver == "host_cdrom"))
        return file_ref(filename, above);
    if (const std::string url = text(j, "url"); !url.empty()) return url_ref(url);
    if (driver == "nbd") {
        const Json server = nested(j.contains("server") && j["server"].is_object() ? j["server"] : j);
        DiskHost host;
        host.name = text(server, "host");
        host.port = text(server, "port");
        host.socket = text(server, "path");
        if (!host.socket.empty()) host.transport = "unix";
        if (host.name.empty() && host.socket.empty()) return unknown_name(name);
        BackingRef ref;
        ref.type = DiskType::network;
        ref.source.protocol = "nbd";
        ref.source.name = text(j, "export");
        ref.source.hosts.push_back(std::move(host));
        return ref;
    }
    return unknown_name(name);
}

} // namespace

Result<BackingRef> parse_backing_name(const std::string& name, const std::string& above) {
    if (name.starts_with("json:")) return json_ref(Json::parse(name.substr(5), nullptr, false), name, above, 0);
    if (name.starts_with("file:")) return file_ref(name.substr(name.starts_with("file://") ? 7 : 5), above);
    const std::size_t colon = name.find(':'), slash = name.find('/');
    // A protocol stands before the first slash; "./a:b" is how a file of such a name is written.
    if (colon != std::string::npos && colon < slash) return url_ref(name);
    return file_ref(name, above);
}

Result<std::string> backing_name(const Link& link) {
    if (!link.path().empty()) return link.path();
    PV_ASSIGN_OR_RETURN(Options where, storage("backing image", {link.type, &link.source, link.format}, false));
    const Options whole{{"driver", link.format}, {"file", std::move(where)}};
    return "json:" + whole.dump(-1, ' ', false, Options::error_handler_t::replace);
}

namespace {

Error not_there(const Error& why, const std::string& path, const std::string& above) {
    if (above.empty() || why.code != ErrorCode::system_error) return why;
    return make_system_error(why.int1, ErrorDomain::storage,
                             fmt::format("Cannot access backing file '{}' of storage file '{}'", path, above));
}

// What the header of the image above said of the format: nothing, in files of older tools. Then it is looked up, as
// long as that leads no further.
Status settle_format(Link& below, const std::string& stated, const ImageFile& file, const std::string& above) {
    if (!stated.empty()) return {};
    if (!file.header.backing.empty() || !file.header.data_file.empty())
        return make_error(ErrorCode::operation_invalid, ErrorDomain::storage,
                          "format of backing image '{}' of image '{}' was not specified in the image metadata", below.path(), above);
    below.format = file.header.format;
    return {};
}

} // namespace

Status complete_chain(Chain& chain, const ImageReader& read) {
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    std::string stated = chain.links.empty() ? std::string() : chain.links.front().format, above;
    for (std::size_t i = 0; i < chain.links.size(); ++i) {
        if (i >= kMaxDepth)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "more than {} images in the chain of '{}'", kMaxDepth,
                              chain.links.front().path());
        Link& link = chain.links[i];
        // What is elsewhere is the emulator's to open.
        if (link.path().empty()) {
            chain.ended = chain.ended || (i + 1 == chain.links.size() && !can_have_backing(link.format));
            continue;
        }
        const std::string path = link.path();
        const auto file = read(path, stated);
        if (!file) return not_there(file.error(), path, above);
        if (!seen.emplace(file->device, file->inode).second && file->regular)
            return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "the backing chain of '{}' loops at '{}'",
                              chain.links.front().path(), path);
        PV_TRY(settle_format(link, stated, *file, above));
        above = path;
        if (i + 1 < chain.links.size()) {
            stated = chain.links[i + 1].format;
            continue;
        }
        if (chain.ended) break;
        const std::string& name = file->header.backing;
        if (name.empty() || !can_have_backing(link.format)) {
            chain.ended = true;
            break;
        }
        PV_ASSIGN_OR_RETURN(BackingRef ref, parse_backing_name(name, path));
        stated = file->header.backing_format.empty() ? ref.format : file->header.backing_format;
        chain.links.push_back({ref.type, std::move(ref.source), stated.empty() ? "raw" : stated, {}});
    }
    return {};
}

Status complete_chains(Domain& domain, const ImageReader& read) {
    for (Disk& disk : domain.devices.disks) {
        if (disk.type == DiskType::vhostuser || disk.type == DiskType::nvme || disk.type == DiskType::volume || disk.type == DiskType::dir) continue;
        Chain chain = chain_of(disk);
        if (chain.links.empty()) disk.driver.type.clear(); // of what will be put in
        if (chain.links.empty() || !chain.links.front().source.fd_group.empty()) continue;
        PV_TRY(complete_chain(chain, read));
        disk.backing = backing_of(chain);
    }
    return {};
}

} // namespace polyvirt::qemu
