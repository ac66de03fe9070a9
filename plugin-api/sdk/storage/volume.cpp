// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/storage/volume.h"

#include <algorithm>

#include "sdk/xml/format.h"

namespace polyvirt::sdk::storage {
namespace {

template <typename... A> Error xml_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::xml_error, ErrorDomain::storage, f, std::forward<A>(a)...);
}
template <typename... A> Error unsupported(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, f, std::forward<A>(a)...);
}

constexpr std::size_t kLongestName = 255;

Status check_name(const std::string& name) {
    if (name.empty())
        return xml_error("missing volume name element");
    if (name.find('/') != std::string::npos)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::storage,
                          "volume name '{}' cannot contain '/'", name);
    if (name.size() > kLongestName || name == "." || name == "..")
        return xml_error("volume name '{}' cannot be that of a file: expected 1 to {} bytes", name.substr(0, 80),
                         kLongestName);
    return {};
}

Status complete_format(std::string& format, const PoolTypeInfo& pool, const char* default_format) {
    if (pool.volume_formats.empty()) {
        format.clear();
        return {};
    }
    if (format.empty())
        format = default_format;
    // Of files "none" is no format; of partitions it is.
    const bool known = std::find(pool.volume_formats.begin(), pool.volume_formats.end(), format) != pool.volume_formats.end();
    if (format.empty() || (known && (format != "none" || pool.default_volume_format == std::string_view("none"))))
        return {};
    return unsupported("unknown volume format type {}", format);
}

// Features are the newer form of qcow2 alone.
Status check_features(VolumeTarget& t) {
    const bool wants = t.features && (t.features->lazy_refcounts || t.features->extended_l2);
    if (!t.compat.empty() && t.compat != "0.10" && t.compat != "1.1")
        return xml_error("forbidden characters or value in 'compat' attribute: found '{}', expected '0.10' or "
                         "'1.1'",
                         t.compat);
    if (t.features && t.compat.empty())
        t.compat = "1.1";
    if (wants && t.compat == "0.10")
        return unsupported("{} not supported with compat level {}",
                           t.features->lazy_refcounts ? "lazy_refcounts" : "extended_l2", t.compat);
    return {};
}

} // namespace

void describe(xml::Binder& b, VolumeSourceDevice& v) {
    b.attr("path", v.path, xml::kRequired);
    b.child("extent", v.extents);
}
void describe(xml::Binder& b, VolumeSource& v) {
    b.child("device", v.devices);
}
void describe(xml::Binder& b, Timestamps& v) {
    b.element("atime", v.atime);
    b.element("mtime", v.mtime);
    b.element("ctime", v.ctime);
    b.element("btime", v.btime);
}
void describe(xml::Binder& b, VolumeFeatures& v) {
    b.flag("lazy_refcounts", v.lazy_refcounts);
    b.flag("extended_l2", v.extended_l2);
}
void describe(xml::Binder& b, VolumeTarget& v) {
    b.element("path", v.path);
    b.group("format", [&] { b.attr("type", v.format); });
    b.child("permissions", v.permissions);
    b.child("timestamps", v.timestamps);
    b.child("encryption", v.encryption);
    b.element("compat", v.compat);
    b.flag("nocow", v.nocow);
    b.group("clusterSize", [&] { b.size_text(v.cluster_size, xml::SizeRule{1, "B", 1, false}); });
    b.child("features", v.features);
}
void describe(xml::Binder& b, BackingStore& v) {
    b.element("path", v.path);
    b.group("format", [&] { b.attr("type", v.format); });
    b.child("permissions", v.permissions);
    b.child("timestamps", v.timestamps);
}
void describe(xml::Binder& b, Volume& v) {
    b.attr("type", v.type);
    b.element("name", v.name);
    b.element("key", v.key);
    b.child("source", v.source);
    b.group("capacity", [&] { b.size_text(v.capacity, kBytes); });
    b.group("allocation", [&] { b.size_text(v.allocation, kBytes); });
    b.group("physical", [&] { b.size_text(v.physical, kBytes); });
    b.child("target", v.target);
    b.child("backingStore", v.backing_store);
}

Result<ParsedVolume> parse_volume(std::string_view text, PoolType pool, const VolumeOptions& options) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kVolumeRoot.what, options.limits));
    return parse_volume(root, pool, options);
}

Result<ParsedVolume> parse_volume(const xml::Node& root, PoolType pool, const VolumeOptions& options) {
    PV_ASSIGN_OR_RETURN(ParsedVolume parsed, xml::parse_root<Volume>(root, kVolumeRoot));
    Volume& v = parsed.value;
    PV_TRY(check_name(v.name));
    if (v.backing_store && v.backing_store->path.empty())
        v.backing_store.reset();
    if (!v.capacity) {
        if (!options.capacity_optional && !v.backing_store)
            return xml_error("missing capacity element");
        v.capacity = 0;
    }
    if (!v.allocation)
        v.allocation = v.capacity;
    const PoolTypeInfo& info = info_of(pool);
    PV_TRY(complete_format(v.target.format, info, info.default_volume_format));
    if (v.backing_store)
        PV_TRY(complete_format(v.backing_store->format, info, ""));
    PV_TRY(check_features(v.target));
    complete_permissions(v.target.permissions);
    if (v.backing_store)
        complete_permissions(v.backing_store->permissions);
    return parsed;
}

std::string format_volume(const Volume& v) {
    return xml::format("volume", v);
}

} // namespace polyvirt::sdk::storage
