// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/plan_mounts.h"

#include <algorithm>

#include <sys/stat.h>

#include "base/error_text.h"
#include "container/plan_net.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;

// Where it stands, from the container's root on.
Result<std::string> target_of(const Filesystem& f) {
    const std::size_t first = f.target.find_first_not_of('/');
    if (f.target.empty() || f.target.front() != '/' || first == std::string::npos ||
        ("/" + f.target + "/").find("/../") != std::string::npos)
        return unsupported(fmt::format("'{}' is no place for a filesystem", f.target));
    return escape_mount(f.target.substr(first));
}

std::string device_of(const Filesystem& f, const PlanContext& context) {
    if (f.type == "block") return f.source.dev;
    const auto found = std::find_if(context.loops.begin(), context.loops.end(),
                                    [&](const auto& l) { return l.first == f.source.file; });
    return found != context.loops.end() ? found->second : std::string();
}

Status root(const Filesystem& f, const PlanContext& context, Plan& p) {
    std::string path;
    if (f.type == "mount") path = "dir:" + f.source.dir;
    if (f.type == "block" || f.type == "file") path = device_of(f, context);
    if (path.empty())
        return unsupported(fmt::format("a filesystem of type '{}' cannot be the root of a container", f.type));
    if (f.type == "mount") {
        struct stat info {};
        if (::stat(f.source.dir.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
            return make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                              "Unable to access the container's root '{}': no such folder", f.source.dir);
    }
    p.config.emplace_back("lxc.rootfs.path", path);
    if (f.readonly) p.config.emplace_back("lxc.rootfs.options", "ro");
    return {};
}

Result<std::string> entry(const Filesystem& f, const PlanContext& context) {
    PV_ASSIGN_OR_RETURN(const std::string target, target_of(f));
    const char* const ro = f.readonly ? ",ro" : "";
    if (f.type == "mount") {
        struct stat info {};
        if (::stat(f.source.dir.c_str(), &info) != 0)
            return make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                              "Failed to bind mount directory {} to {}: it is not there", f.source.dir, f.target);
        return fmt::format("{} {} none rbind,create={}{} 0 0", escape_mount(f.source.dir), target,
                           S_ISDIR(info.st_mode) ? "dir" : "file", ro);
    }
    if (f.type == "bind") {
        const std::size_t first = f.source.dir.find_first_not_of('/');
        const std::string source = first == std::string::npos ? "." : f.source.dir.substr(first);
        return fmt::format("{} {} none bind,relative,create=dir{} 0 0", escape_mount(source), target, ro);
    }
    if (f.type == "ram") {
        const std::uint64_t unit = f.source.units.empty() ? 1024 : sdk::xml::unit_factor(f.source.units);
        return fmt::format("tmpfs {} tmpfs size={},mode=0755,create=dir{} 0 0", target,
                           f.source.usage.value_or(0) * unit, ro);
    }
    if (f.type == "block" || f.type == "file") {
        const std::string device = device_of(f, context);
        if (device.empty() || !context.fs_of) return unsupported("the filesystem has no block device");
        PV_ASSIGN_OR_RETURN(const std::string kind, context.fs_of(device));
        return fmt::format("{} {} {} create=dir{} 0 0", escape_mount(device), target, kind, ro);
    }
    return unsupported(fmt::format("Cannot mount filesystem type {}", f.type));
}

} // namespace

std::string escape_mount(std::string_view path) {
    std::string out;
    for (const char c : path) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\\')
            out += fmt::format("\\{:03o}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out;
}

Status plan_mounts(const Domain& d, const PlanContext& context, Plan& p) {
    const auto& all = d.devices.filesystems;
    const auto is_root = [](const Filesystem& f) { return f.target == "/"; };
    const auto top = std::find_if(all.begin(), all.end(), is_root);
    if (top != all.end()) PV_TRY(root(*top, context, p));
    // The kernel's own, as far as a container may change them.
    const bool own_users = !d.uid_map.empty() || !d.gid_map.empty();
    if (own_users && !own_network(d)) {
        // /sys tells of a network, and only who owns that may mount it.
        p.config.emplace_back("lxc.mount.auto", "proc:mixed cgroup:mixed");
        p.config.emplace_back("lxc.mount.entry", "/sys sys none rbind,create=dir 0 0");
    } else {
        p.config.emplace_back("lxc.mount.auto", "proc:mixed sys:ro cgroup:mixed");
    }
    for (const Filesystem& f : all) {
        if (is_root(f)) continue;
        PV_ASSIGN_OR_RETURN(std::string line, entry(f, context));
        p.config.emplace_back("lxc.mount.entry", std::move(line));
    }
    return {};
}

} // namespace polyvirt::lxc
