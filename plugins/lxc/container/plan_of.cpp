// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/plan_of.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error_text.h"
#include "container/plan_mounts.h"
#include "container/plan_net.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;

std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

void identity(const Domain& d, Plan& p) {
    constexpr std::size_t kHostNameMax = 64;
    p.config.emplace_back("lxc.uts.name", d.name.substr(0, kHostNameMax));
    p.config.emplace_back("lxc.pty.max", "1024");
    p.config.emplace_back("lxc.tty.max", std::to_string(p.consoles > 0 ? p.consoles - 1 : 0));
    p.config.emplace_back("lxc.autodev", "1");
    for (const auto& [key, ranges] : {std::pair{"u", &d.uid_map}, std::pair{"g", &d.gid_map}})
        for (const IdRange& r : *ranges)
            p.config.emplace_back("lxc.idmap", fmt::format("{} {} {} {}", key, r.start.value_or(0),
                                                           r.target.value_or(0), r.count.value_or(0)));
}

// What no container has of itself: it would reach past the container. The peer's choice.
constexpr std::string_view kDropped[] = {"sys_module", "sys_time", "mknod", "audit_control", "mac_admin"};

void capabilities(const Domain& d, Plan& p) {
    const Capabilities none;
    const Capabilities& c = d.features.capabilities ? *d.features.capabilities : none;
    std::set<std::string_view> on, off;
    for (const Capability& one : c.list) (one.state == OnOff::off ? off : on).insert(kCapabilities[one.which]);
    std::string list;
    const auto add = [&list](std::string_view name) {
        list += std::string(list.empty() ? "" : " ") + std::string(name);
    };
    if (c.policy == "deny") {
        for (const std::string_view name : on) add(name);
        return p.config.emplace_back("lxc.cap.keep", list.empty() ? "none" : list), void();
    }
    if (c.policy.empty() || c.policy == "default")
        for (const std::string_view name : kDropped)
            if (!on.contains(name)) off.insert(name);
    for (const std::string_view name : off) add(name);
    if (!list.empty()) p.config.emplace_back("lxc.cap.drop", list);
}

Status init(const Domain& d, Plan& p) {
    p.init.push_back(d.os.init);
    for (const OsArgument& a : d.os.init_args) p.init.push_back(a.value);
    // Programs inside look for these to know where they are; liblxc itself says container=lxc.
    const std::string uuid = d.uuid ? d.uuid->to_string() : "";
    for (const std::string& line :
         {std::string("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), std::string("TERM=linux"),
          std::string("HOME=/"), "container_uuid=" + uuid, "LIBVIRT_LXC_UUID=" + uuid, "LIBVIRT_LXC_NAME=" + d.name})
        p.config.emplace_back("lxc.environment", line);
    std::string ttys;
    for (unsigned i = 1; i < p.consoles; ++i) ttys += fmt::format("{}tty{}", i > 1 ? " " : "", i);
    if (!ttys.empty()) p.config.emplace_back("lxc.environment", "container_ttys=" + ttys);
    for (const OsVariable& v : d.os.init_env) p.config.emplace_back("lxc.environment", v.name + "=" + v.value);
    if (!d.os.initdir.empty()) p.config.emplace_back("lxc.init.cwd", d.os.initdir);
    for (const auto& [key, value] :
         {std::pair{"lxc.init.uid", &d.os.inituser}, std::pair{"lxc.init.gid", &d.os.initgroup}}) {
        if (value->empty()) continue;
        const std::string number = value->front() == '+' ? value->substr(1) : *value;
        if (number.find_first_not_of("0123456789") != std::string::npos)
            return unsupported(
                fmt::format("the init's user or group '{}' is not a number: names are the container's own", *value));
        p.config.emplace_back(key, number);
    }
    return {};
}

Status share(const LxcShare& s, const char* what, const PlanContext& context, Plan& p) {
    if (s.empty()) return {};
    std::string from = s.value;
    if (s.type == "netns") from = "/run/netns/" + s.value;
    if (s.type == "name") {
        const auto init = context.init_of ? context.init_of(s.value) : std::nullopt;
        if (!init)
            return make_error(ErrorCode::operation_invalid, ErrorDomain::lxc,
                              "domain '{}', whose namespaces are to be shared, does not run", s.value);
        from = std::to_string(*init);
    }
    if (s.type == "netns" && s.value.find('/') != std::string::npos)
        return unsupported(fmt::format("'{}' is no network namespace's name", s.value));
    p.config.emplace_back(std::string("lxc.namespace.share.") + what, from);
    return {};
}

// Nodes of the host's devices: which may be used, and where they stand.
Status device(const std::string& path, std::string inner, bool block, int version, Plan& p) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return make_system_error(errno, ErrorDomain::lxc, "Unable to access " + path);
    if (block ? !S_ISBLK(info.st_mode) : !S_ISCHR(info.st_mode))
        return unsupported(fmt::format("'{}' is no {} device", path, block ? "block" : "character"));
    p.config.emplace_back(fmt::format("lxc.cgroup{}.devices.allow", version == 2 ? "2" : ""),
                          fmt::format("{} {}:{} rwm", block ? 'b' : 'c', ::major(info.st_rdev), ::minor(info.st_rdev)));
    p.config.emplace_back("lxc.mount.entry",
                          fmt::format("{} {} none bind,create=file 0 0", escape_mount(path), escape_mount(inner)));
    return {};
}

Status devices(const Domain& d, const PlanContext& context, Plan& p) {
    const int version = context.devices_version;
    if (version != 0) {
        const std::string prefix = fmt::format("lxc.cgroup{}.devices.", version == 2 ? "2" : "");
        p.config.emplace_back(prefix + "deny", "a");
        // null, zero, full, random, urandom, tty, console, ptmx, terminals.
        for (const char* one : {"c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:1", "c 5:2", "c 136:*"})
            p.config.emplace_back(prefix + "allow", std::string(one) + " rwm");
        for (const char* any : {"c *:*", "b *:*"}) p.config.emplace_back(prefix + "allow", std::string(any) + " m");
    }
    for (const Disk& disk : d.devices.disks) {
        if (disk.type != DiskType::block || !disk.source)
            return unsupported("a container's disk must be a block device of the host");
        PV_TRY(device(disk.source->dev, "dev/" + disk.target.dev, true, version, p));
    }
    for (const Hostdev& h : d.devices.hostdevs) {
        if (h.mode != "capabilities")
            return unsupported(fmt::format("host device mode '{}' is not supported for containers", h.mode));
        const std::string& path = h.type == "storage" ? h.source.block : h.source.character;
        if (h.type == "storage" || h.type == "misc")
            PV_TRY(device(path, path.substr(path.find_first_not_of('/')), h.type == "storage", version, p));
    }
    return {};
}

} // namespace

Error unsupported(std::string_view text) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "{}", text);
}

Result<Plan> plan_of(const Domain& d, const PlanContext& context) {
    Plan p;
    p.name = fmt::format("lxc-{}-{:016x}", context.id, hash_of(context.folder)); // unique on this host
    p.folder = context.folder;
    p.consoles = static_cast<unsigned>(d.devices.consoles.size());
    p.restarts = d.on_reboot != LifecycleAction::destroy;
    p.config.emplace_back("lxc.log.level", "WARN");
    p.config.emplace_back("lxc.log.file", context.folder + "/liblxc.log");
    p.config.emplace_back("lxc.cgroup.relative", "1");
    p.config.emplace_back("lxc.proc.oom_score_adj", "0");
    identity(d, p);
    PV_TRY(plan_mounts(d, context, p));
    PV_TRY(devices(d, context, p));
    capabilities(d, p);
    PV_TRY(share(d.lxc_namespaces.net, "net", context, p));
    PV_TRY(share(d.lxc_namespaces.ipc, "ipc", context, p));
    PV_TRY(share(d.lxc_namespaces.uts, "uts", context, p));
    PV_TRY(plan_net(d, context, p));
    PV_TRY(init(d, p));
    return p;
}

} // namespace polyvirt::lxc
