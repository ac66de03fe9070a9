// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "status.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using Record = nlohmann::ordered_json;
constexpr int kVersion = 1;

Error bad(std::string_view what) {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "status record: {}", what);
}

template <typename T> Result<T> integer(const Record& j, const char* key) {
    const auto it = j.find(key);
    if (it == j.end() || !it->is_number_integer()) return bad(fmt::format("'{}' is not a whole number", key));
    return it->get<T>();
}

Result<std::string> text(const Record& j, const char* key) {
    const auto it = j.find(key);
    if (it == j.end() || !it->is_string()) return bad(fmt::format("'{}' is not a text", key));
    return it->get<std::string>();
}

// "FROM-UID:FROM-GID:UID:GID:DEVICE:INODE:PATH".
std::vector<std::string> claims_text(const std::vector<Claim>& claims) {
    std::vector<std::string> lines;
    for (const Claim& c : claims)
        lines.push_back(fmt::format("{}:{}:{}:{}:{}:{}:{}", c.uid, c.gid, c.new_uid, c.new_gid, c.device, c.inode, c.path));
    return lines;
}

Result<Claim> claim_of(const std::string& line) {
    std::uint64_t numbers[6] = {};
    const char* at = line.data();
    const char* const end = at + line.size();
    for (std::uint64_t& number : numbers) {
        const auto [next, error] = std::from_chars(at, end, number);
        if (error != std::errc() || next == end || *next != ':') return bad(fmt::format("'{}' is no claim", line));
        at = next + 1;
    }
    const auto id = [&numbers](int i) { return static_cast<std::uint32_t>(numbers[i]); };
    return Claim{std::string(at, end), numbers[4], numbers[5], id(0), id(1), id(2), id(3)};
}

Record links_record(const std::vector<DirectLink>& links) {
    Record list = Record::array();
    for (const DirectLink& l : links) {
        Record one = {{"alias", l.alias}, {"name", l.name}, {"device", l.device}};
        if (l.mac && l.device_mac) one["mac"] = l.mac->to_string(), one["device_mac"] = l.device_mac->to_string();
        list.push_back(std::move(one));
    }
    return list;
}

// Absent in the records of earlier versions.
Result<std::vector<DirectLink>> links_of(const Record& j) {
    std::vector<DirectLink> links;
    const auto list = j.find("links");
    if (list == j.end()) return links;
    if (!list->is_array()) return bad("'links' is not a list");
    for (const Record& one : *list) {
        DirectLink l;
        PV_ASSIGN_OR_RETURN(l.alias, text(one, "alias"));
        PV_ASSIGN_OR_RETURN(l.name, text(one, "name"));
        PV_ASSIGN_OR_RETURN(l.device, text(one, "device"));
        if (one.contains("mac")) {
            PV_ASSIGN_OR_RETURN(const std::string mac, text(one, "mac"));
            PV_ASSIGN_OR_RETURN(const std::string device_mac, text(one, "device_mac"));
            l.mac = sdk::xml::Mac::parse(mac), l.device_mac = sdk::xml::Mac::parse(device_mac);
            if (!l.mac || !l.device_mac) return bad(fmt::format("'{}' or '{}' is no MAC address", mac, device_mac));
        }
        links.push_back(std::move(l));
    }
    return links;
}

// "PID:START-TIME:ALIAS".
std::vector<std::string> servers_text(const std::vector<FsServer>& servers) {
    std::vector<std::string> lines;
    for (const FsServer& s : servers) lines.push_back(fmt::format("{}:{}:{}", s.pid, s.start_time, s.alias));
    return lines;
}

Result<FsServer> server_of(const std::string& line) {
    FsServer s;
    const char* const end = line.data() + line.size();
    const auto [colon, wrong] = std::from_chars(line.data(), end, s.pid);
    if (wrong != std::errc() || colon == end || *colon != ':' || s.pid <= 0) return bad(fmt::format("'{}' is no server", line));
    const auto [second, error] = std::from_chars(colon + 1, end, s.start_time);
    if (error != std::errc() || second == end || *second != ':') return bad(fmt::format("'{}' is no server", line));
    s.alias.assign(second + 1, end);
    return s;
}

// Absent in the records of earlier versions.
Result<std::vector<std::string>> texts(const Record& j, const char* key) {
    std::vector<std::string> list;
    const auto it = j.find(key);
    if (it == j.end()) return list;
    if (!it->is_array()) return bad(fmt::format("'{}' is not a list", key));
    for (const Record& one : *it) {
        if (!one.is_string()) return bad(fmt::format("'{}' is not a list of texts", key));
        list.push_back(one.get<std::string>());
    }
    return list;
}

} // namespace

std::string format_status(const StatusRecord& r) {
    Record j = {{"version", kVersion},   {"name", r.name},     {"uuid", r.uuid.to_string()},
              {"id", r.id},            {"pid", r.pid},       {"start_time", r.start_time},
              {"state", r.state},      {"reason", r.reason}, {"folder", r.folder},
              {"user", r.user},        {"claims", claims_text(r.claims)}, {"group", r.group},
              {"folders", r.folders},  {"taints", r.taints}, {"xml", r.xml}};
    if (r.agent_timeout != StatusRecord().agent_timeout) j["agent_timeout"] = r.agent_timeout;
    if (!r.links.empty()) j["links"] = links_record(r.links);
    if (!r.servers.empty()) j["servers"] = servers_text(r.servers);
    if (r.pausing != 0) j["pausing"] = r.pausing;
    if (!r.blocks.is_null()) j["blocks"] = r.blocks;
    if (!r.attaching.is_null()) j["attaching"] = r.attaching;
    if (!r.host_devices.empty()) j["host_devices"] = to_json(r.host_devices);
    if (!r.backup.empty()) j["backup"] = r.backup, j["backup_files"] = r.backup_files;
    return j.dump(2, ' ', false, Record::error_handler_t::replace) + "\n";
}

Result<StatusRecord> parse_status(std::string_view document) {
    const Record j = Record::parse(document, nullptr, false);
    if (!j.is_object()) return bad("no JSON object");
    PV_ASSIGN_OR_RETURN(const int version, integer<int>(j, "version"));
    if (version != kVersion) return bad(fmt::format("version {} found, {} expected", version, kVersion));
    StatusRecord r;
    PV_ASSIGN_OR_RETURN(r.name, text(j, "name"));
    PV_ASSIGN_OR_RETURN(const std::string uuid, text(j, "uuid"));
    const auto parsed = Uuid::parse(uuid);
    if (!parsed) return bad(fmt::format("'{}' is no uuid", uuid));
    r.uuid = *parsed;
    PV_ASSIGN_OR_RETURN(r.id, integer<std::int32_t>(j, "id"));
    PV_ASSIGN_OR_RETURN(r.pid, integer<std::int64_t>(j, "pid"));
    PV_ASSIGN_OR_RETURN(r.start_time, integer<std::uint64_t>(j, "start_time"));
    PV_ASSIGN_OR_RETURN(r.state, integer<std::int32_t>(j, "state"));
    PV_ASSIGN_OR_RETURN(r.reason, integer<std::int32_t>(j, "reason"));
    PV_ASSIGN_OR_RETURN(r.folder, text(j, "folder"));
    PV_ASSIGN_OR_RETURN(r.xml, text(j, "xml"));
    if (j.contains("agent_timeout")) {
        PV_ASSIGN_OR_RETURN(r.agent_timeout, integer<std::int32_t>(j, "agent_timeout"));
    }
    if (j.contains("pausing")) {
        PV_ASSIGN_OR_RETURN(r.pausing, integer<std::int32_t>(j, "pausing"));
    }
    PV_ASSIGN_OR_RETURN(r.taints, texts(j, "taints"));
    if (const auto blocks = j.find("blocks"); blocks != j.end()) r.blocks = *blocks;
    if (const auto attaching = j.find("attaching"); attaching != j.end()) r.attaching = *attaching;
    if (const auto user = j.find("user"); user != j.end() && user->is_string()) r.user = user->get<std::string>();
    if (const auto backup = j.find("backup"); backup != j.end() && backup->is_string()) r.backup = backup->get<std::string>();
    PV_ASSIGN_OR_RETURN(r.backup_files, texts(j, "backup_files"));
    PV_ASSIGN_OR_RETURN(const auto claims, texts(j, "claims"));
    for (const std::string& line : claims) {
        PV_ASSIGN_OR_RETURN(Claim claim, claim_of(line));
        r.claims.push_back(std::move(claim));
    }
    PV_ASSIGN_OR_RETURN(r.links, links_of(j));
    if (const auto devices = j.find("host_devices"); devices != j.end()) {
        PV_ASSIGN_OR_RETURN(r.host_devices, held_from_json(*devices));
    }
    PV_ASSIGN_OR_RETURN(const auto servers, texts(j, "servers"));
    for (const std::string& line : servers) {
        PV_ASSIGN_OR_RETURN(FsServer server, server_of(line));
        r.servers.push_back(std::move(server));
    }
    PV_ASSIGN_OR_RETURN(r.group, texts(j, "group"));
    PV_ASSIGN_OR_RETURN(r.folders, texts(j, "folders"));
    if (r.id <= 0 || r.pid < 0) return bad("id must be above 0, and pid not below it");
    if (r.folder.empty() || r.folder.find('/') != std::string::npos) return bad(fmt::format("'{}' is no folder's name", r.folder));
    return r;
}

} // namespace polyvirt::qemu
