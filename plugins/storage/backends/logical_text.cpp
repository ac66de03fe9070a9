// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is told to the programs of LVM, and what they say.

#include <algorithm>
#include <charconv>
#include <map>

#include "backends/logical.h"
#include "base/error_text.h"

namespace polyvirt::storage {
namespace {

Error senseless(const char* program) {
    return make_error(ErrorCode::internal_error, ErrorDomain::storage, "what '{}' says is no report", program);
}

// A line for each row, its values apart by tabs: neither names nor devices of LVM have one.
Result<std::vector<Facts>> rows_of(std::string_view text, const char* program, std::string_view columns) {
    std::vector<Facts> rows;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (line.empty()) continue;
        Facts& row = rows.emplace_back();
        if (std::count(line.begin(), line.end(), '\t') != std::count(columns.begin(), columns.end(), ',')) return senseless(program);
        for (std::string_view names = columns; !names.empty();) {
            const std::size_t name = std::min(names.find(','), names.size()), value = std::min(line.find('\t'), line.size());
            row.set(names.substr(0, name), line.substr(0, value));
            names.remove_prefix(std::min(name + 1, names.size()));
            line.remove_prefix(std::min(value + 1, line.size()));
        }
    }
    return rows;
}

// "/dev/sdb1(256),/dev/sdc1(0)": a segment on each of them, which begins at that extent.
void add_extents(const Facts& row, doc::Volume& v) {
    const std::string devices = row.text("devices");
    const std::uint64_t extent = row.number("vg_extent_size"), size = row.number("seg_size");
    for (std::size_t at = 0; at < devices.size();) {
        const std::size_t end = std::min(devices.find(',', at), devices.size());
        const std::string one = devices.substr(at, end - at);
        at = end + 1;
        const std::size_t open = one.rfind('(');
        if (open == std::string::npos || !one.ends_with(')') || !one.starts_with('/')) continue;
        std::uint64_t first = 0;
        std::from_chars(one.data() + open + 1, one.data() + one.size(), first);
        doc::VolumeSourceDevice device;
        device.path = one.substr(0, open);
        device.extents.push_back({first * extent, first * extent + size});
        v.source.devices.push_back(std::move(device));
    }
}

bool is_volume(const Facts& row) {
    constexpr std::size_t kActive = 4; // of the attributes
    const std::string attributes = row.text("lv_attr");
    return attributes.size() > kActive && attributes[kActive] == 'a' && attributes[0] != 't' && !row.text("lv_name").empty();
}

} // namespace

Result<std::vector<VolumeDocument>> logical_volumes(std::string_view lvs, const std::string& folder) {
    PV_ASSIGN_OR_RETURN(const std::vector<Facts> rows, rows_of(lvs, "lvs", kVolumeColumns));
    std::map<std::string, doc::Volume> volumes; // a row for each segment
    for (const Facts& row : rows) {
        if (!is_volume(row)) continue;
        doc::Volume& v = volumes[row.text("lv_name")];
        if (v.name.empty()) {
            v.name = row.text("lv_name");
            v.key = row.text("lv_uuid");
            v.type = doc::VolumeType::block;
            v.target.path = folder + "/" + v.name;
            v.capacity = v.physical = row.number("lv_size");
            v.allocation = 0;
            if (const std::string origin = row.text("origin"); !origin.empty() && !origin.starts_with('[')) {
                v.backing_store.emplace();
                v.backing_store->path = folder + "/" + origin;
            }
        }
        v.allocation = *v.allocation + row.number("seg_size");
        add_extents(row, v);
    }
    std::vector<VolumeDocument> list;
    for (auto& [name, v] : volumes) list.push_back(std::make_shared<const doc::Volume>(std::move(v)));
    return list;
}

Status take_group_sizes(std::string_view vgs, Found& found) {
    PV_ASSIGN_OR_RETURN(const std::vector<Facts> rows, rows_of(vgs, "vgs", kGroupColumns));
    if (rows.empty()) return senseless("vgs");
    found.has_sizes = true;
    found.capacity = rows[0].number("vg_size");
    found.available = std::min(rows[0].number("vg_free"), found.capacity);
    found.allocation = found.capacity - found.available;
    return {};
}

Result<std::vector<doc::PoolSource>> volume_groups(std::string_view pvs) {
    PV_ASSIGN_OR_RETURN(const std::vector<Facts> rows, rows_of(pvs, "pvs", kDeviceColumns));
    std::map<std::string, doc::PoolSource> groups;
    for (const Facts& row : rows) {
        const std::string group = row.text("vg_name");
        if (group.empty()) continue;
        doc::PoolSource& source = groups[group];
        source.name = group;
        source.format = "lvm2";
        source.devices.push_back({row.text("pv_name"), {}, {}});
    }
    std::vector<doc::PoolSource> list;
    for (auto& [name, source] : groups) list.push_back(std::move(source));
    return list;
}

std::vector<std::string> create_logical(const Wish& wish, const std::string& group, const std::string& tag) {
    const auto kib = [](std::uint64_t bytes) { return std::to_string(bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0)) + "K"; };
    const doc::Volume& v = wish.volume;
    const std::uint64_t capacity = *v.capacity, allocation = std::min(*v.allocation, capacity);
    std::vector<std::string> argv = {"lvcreate", "-y", "--addtag", tag, "--name", v.name};
    if (v.backing_store) {
        argv.insert(argv.end(), {"-L", kib(allocation != 0 ? allocation : capacity), "-s", v.backing_store->path});
        return argv;
    }
    if (allocation < capacity && !wish.from)
        argv.insert(argv.end(), {"--type", "snapshot", "-L", kib(std::max<std::uint64_t>(allocation, 1)), "--virtualsize", kib(capacity)});
    else
        argv.insert(argv.end(), {"-L", kib(capacity)});
    argv.insert(argv.end(), {"--", group});
    return argv;
}

} // namespace polyvirt::storage
