// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/storage/pool.h"

#include <algorithm>

#include "sdk/xml/format.h"

namespace polyvirt::sdk::storage {
namespace {

template <typename... A> Error pool_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::storage, f, std::forward<A>(a)...);
}

xml::Rule hex(int digits, std::uint64_t max) {
    xml::Rule r;
    r.hex = digits;
    return r.limits(0, max);
}

// "//a///b/" is "/a/b"
std::string tidy_path(std::string_view path) {
    std::string out;
    for (const char c : path)
        if (c != '/' || out.empty() || out.back() != '/')
            out.push_back(c);
    if (out.size() > 1 && out.back() == '/')
        out.pop_back();
    return out;
}

Status check_adapter(Adapter& a) {
    if (a.type == AdapterType::unset && !a.name.empty())
        a.type = AdapterType::scsi_host; // as older documents have it
    if (a.type == AdapterType::scsi_host) {
        if (a.name.empty() && !a.parent_address)
            return pool_error("Either 'name' or 'parent' must be specified for the 'scsi_host' adapter");
        if (!a.name.empty() && a.parent_address)
            return pool_error("'name' and 'parentaddr' cannot both be given for the 'scsi_host' adapter");
        return {};
    }
    if (a.wwnn.empty() || a.wwpn.empty())
        return pool_error("'wwnn' and 'wwpn' must be specified for adapter type 'fc_host'");
    const auto is_wwn = [](const std::string& s) {
        return s.size() == 16 && s.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    };
    for (const std::string* wwn : {&a.wwnn, &a.wwpn})
        if (!is_wwn(*wwn))
            return pool_error("malformed wwn: found '{}', expected 16 hexadecimal digits", *wwn);
    return {};
}

// What of a source is there is checked; what a pool needs only if `whole`.
Status check_source(PoolSource& s, const PoolTypeInfo& info, bool whole) {
    if (info.formats.empty())
        s.format.clear(); // has no meaning here
    else if (s.format.empty())
        s.format = info.default_format;
    else if (std::find(info.formats.begin(), info.formats.end(), s.format) == info.formats.end())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "unknown pool format type {}",
                          s.format);
    s.dir = tidy_path(s.dir);
    if (s.adapter)
        PV_TRY(check_adapter(*s.adapter));
    if (!whole)
        return {};
    const struct {
        unsigned need;
        bool there;
        const char* noun;
    } rows[] = {
        {need_host, !s.hosts.empty(), "host name"},
        {need_device, !s.devices.empty(), "device name"},
        {need_dir, !s.dir.empty(), "path"},
        {need_adapter, s.adapter.has_value(), "adapter"},
        {need_initiator, !s.initiator.empty(), "initiator IQN"},
        {need_name, !s.name.empty(), "name"},
    };
    for (const auto& row : rows)
        if ((info.needs & row.need) != 0 && !row.there)
            return pool_error("missing storage pool source {}", row.noun);
    return {};
}

Status complete_target(Pool& v, const PoolTypeInfo& info) {
    if ((info.needs & has_target) == 0) {
        v.target.reset();
        return {};
    }
    if (!v.target)
        v.target.emplace();
    PoolTarget& t = *v.target;
    if (v.type == PoolType::logical || v.type == PoolType::zfs)
        t.path = info.target_base + v.source->name;
    else if (t.path.empty() && info.target_base)
        t.path = info.target_base;
    if (t.path.empty())
        return pool_error("missing storage pool target path");
    t.path = tidy_path(t.path);
    complete_permissions(t.permissions);
    return {};
}

} // namespace

void describe(xml::Binder& b, SourceHost& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("port", v.port, xml::Rule{}.limits(0, 65535));
}
void describe(xml::Binder& b, SourceDevice& v) {
    b.attr("path", v.path, xml::kRequired);
    b.attr("part_separator", v.part_separator);
    b.child("freeExtent", v.free_extents);
}
void describe(xml::Binder& b, ParentAddress& v) {
    b.attr("unique_id", v.unique_id);
    b.group("address", [&] {
        b.attr("domain", v.address.domain, hex(4, 0xffffffff));
        b.attr("bus", v.address.bus, hex(2, 0xff));
        b.attr("slot", v.address.slot, hex(2, 0x1f));
        b.attr("function", v.address.function, hex(1, 7));
    });
}
void describe(xml::Binder& b, Adapter& v) {
    b.attr("type", v.type);
    b.attr("name", v.name);
    b.attr("parent", v.parent);
    b.attr("parent_wwnn", v.parent_wwnn);
    b.attr("parent_wwpn", v.parent_wwpn);
    b.attr("parent_fabric_wwn", v.parent_fabric_wwn);
    b.attr("managed", v.managed);
    b.attr("wwnn", v.wwnn);
    b.attr("wwpn", v.wwpn);
    b.child("parentaddr", v.parent_address);
}
void describe(xml::Binder& b, Auth& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("username", v.username, xml::kRequired);
    b.child("secret", v.secret);
    b.require(v.secret.has_value(), "<auth> needs a <secret>");
}
void describe(xml::Binder& b, PoolSource& v) {
    b.child("host", v.hosts);
    b.child("device", v.devices);
    b.group("dir", [&] { b.attr("path", v.dir); });
    b.child("adapter", v.adapter);
    b.element("name", v.name);
    b.group("initiator", [&] { b.group("iqn", [&] { b.attr("name", v.initiator); }); });
    b.group("format", [&] { b.attr("type", v.format); });
    b.group("protocol", [&] { b.attr("ver", v.protocol_version); });
    b.child("auth", v.auth);
    b.group("vendor", [&] { b.attr("name", v.vendor); });
    b.group("product", [&] { b.attr("name", v.product); });
}
void describe(xml::Binder& b, PoolTarget& v) {
    b.element("path", v.path);
    b.child("permissions", v.permissions);
}
void describe(xml::Binder& b, MountOption& v) {
    b.attr("name", v.name, xml::kRequired);
}
void describe(xml::Binder& b, ConfigOption& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("value", v.value, xml::kRequired);
}
void describe(xml::Binder& b, MountOptions& v) {
    b.child("option", v.options);
}
void describe(xml::Binder& b, ConfigOptions& v) {
    b.child("option", v.options);
}

void describe(xml::Binder& b, Pool& v) {
    b.attr("type", v.type, xml::kRequired);
    b.uses(kFsNamespace, !v.mount_options.options.empty());
    b.uses(kRbdNamespace, !v.config_options.options.empty());
    b.element("name", v.name);
    b.element("uuid", v.uuid);
    b.group("features", [&] { b.group("cow", [&] { b.attr("state", v.cow); }); });
    b.group("capacity", [&] { b.size_text(v.capacity, kBytes); });
    b.group("allocation", [&] { b.size_text(v.allocation, kBytes); });
    b.group("available", [&] { b.size_text(v.available, kBytes); });
    b.child("source", v.source);
    b.child("target", v.target);
    b.group("refresh", [&] { b.group("volume", [&] { b.attr("allocation", v.refresh_allocation); }); });
    b.inside(kFsNamespace, [&] { b.child("mount_opts", v.mount_options); });
    b.inside(kRbdNamespace, [&] { b.child("config_opts", v.config_options); });
}

Status complete_pool(Pool& v) {
    const PoolTypeInfo& info = info_of(v.type);
    if (!v.source)
        v.source.emplace();
    if (v.name.empty())
        v.name = v.source->name;
    if (v.name.empty())
        return pool_error("missing pool source name element");
    if (v.name.find('/') != std::string::npos)
        return pool_error("name {} cannot contain '/'", v.name);
    if ((info.needs & need_name) != 0 && v.source->name.empty())
        v.source->name = v.name;
    PV_TRY(check_source(*v.source, info, true));
    if (!v.uuid)
        v.uuid = Uuid::random();
    if (!v.mount_options.options.empty() && v.type != PoolType::fs && v.type != PoolType::netfs)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::storage,
                          "mount options of pool '{}' are for the types 'fs' and 'netfs'", v.name);
    if (!v.config_options.options.empty() && v.type != PoolType::rbd)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::storage,
                          "config options of pool '{}' are for the type 'rbd'", v.name);
    PV_TRY(complete_target(v, info));
    for (xml::Size* size : {&v.capacity, &v.allocation, &v.available})
        if (!*size)
            *size = 0;
    return {};
}

Result<ParsedPool> parse_pool(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kPoolRoot.what, limits));
    return parse_pool(root);
}

Result<ParsedPool> parse_pool(const xml::Node& root) {
    PV_ASSIGN_OR_RETURN(ParsedPool parsed, xml::parse_root<Pool>(root, kPoolRoot));
    PV_TRY(complete_pool(parsed.value));
    return parsed;
}

std::string format_pool(const Pool& v) {
    return xml::format("pool", v);
}

Result<PoolSource> parse_source(std::string_view text, PoolType type) {
    PV_ASSIGN_OR_RETURN(auto parsed, xml::parse_root<PoolSource>(text, kSourceRoot));
    PV_TRY(check_source(parsed.value, info_of(type), false));
    return std::move(parsed.value);
}

std::string format_sources(const std::vector<PoolSource>& sources) {
    xml::Writer w;
    w.open("sources");
    for (const PoolSource& s : sources)
        xml::format_item(w, "source", const_cast<PoolSource*>(&s), xml::detail::describe_item<PoolSource>);
    w.close();
    return w.take();
}

} // namespace polyvirt::sdk::storage
