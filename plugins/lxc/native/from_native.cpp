// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "native/from_native.h"

#include <algorithm>
#include <charconv>

#include "base/error_text.h"
#include "documents/settle.h"
#include "native/interfaces.h"
#include "native/settings.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;
using Settings = std::vector<Setting>;

constexpr std::uint64_t kMemoryKib = 65'536; // of a configuration that names no limit

template <typename T> std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return {};
    return value;
}

// "64M", "1G", bytes; KiB.
std::optional<std::uint64_t> kib_of(std::string_view text) {
    const auto value = number<std::uint64_t>(text);
    if (!value) return {};
    const std::size_t unit = text.find_first_not_of("0123456789");
    const std::uint64_t factor = unit == std::string_view::npos
                                     ? 1
                                     : sdk::xml::unit_factor(std::string(
                                           1, static_cast<char>(std::toupper(static_cast<unsigned char>(text[unit])))));
    return *value * std::max<std::uint64_t>(factor, 1) / 1024;
}

void filesystem(Domain& d, std::string type, const std::string& source, const std::string& target, bool readonly) {
    Filesystem f;
    f.type = std::move(type);
    f.accessmode = "passthrough";
    (f.type == "block" ? f.source.dev : f.source.dir) = source;
    f.target = target.starts_with("/") ? target : "/" + target;
    f.readonly = readonly;
    d.devices.filesystems.push_back(std::move(f));
}

Status root(Domain& d, const Settings& all) {
    std::string path = value_of(all, "lxc.rootfs.path");
    if (path.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "Missing lxc.rootfs.path configuration");
    if (path.starts_with("dir:")) path.erase(0, 4);
    filesystem(d, path.starts_with("/dev/") ? "block" : "mount", path, "/", false);
    return {};
}

// A line of fstab(5). The kernel's own file systems are every container's.
Status mount(Domain& d, const std::string& line) {
    const auto fields = words_of(line, " \t");
    if (fields.size() < 4)
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "failed to parse the mount entry '{}'", line);
    const auto options = words_of(fields[3], ",");
    const auto has = [&](std::string_view option) {
        return std::find(options.begin(), options.end(), option) != options.end();
    };
    const std::string& target = fields[1];
    if (fields[2] == "tmpfs") {
        filesystem(d, "ram", "", target, has("ro"));
        for (const std::string& option : options)
            if (option.starts_with("size=")) d.devices.filesystems.back().source.usage = kib_of(option.substr(5));
        if (!d.devices.filesystems.back().source.usage) d.devices.filesystems.back().source.usage = 0;
        d.devices.filesystems.back().source.units = "KiB";
    } else if (has("bind") || has("rbind")) {
        filesystem(d, "mount", fields[0], target, has("ro"));
    } else if (fields[0].starts_with("/dev/")) {
        filesystem(d, "block", fields[0], target, has("ro"));
    }
    return {};
}

void consoles(Domain& d, const Settings& all) {
    const auto count = std::min(number<std::uint32_t>(value_of(all, "lxc.tty.max")).value_or(0), 64U);
    for (std::uint32_t port = 0; port < count; ++port) {
        Chardev c;
        c.type = ChardevType::pty;
        c.target.type = "lxc";
        c.target.port = port;
        d.devices.consoles.push_back(std::move(c));
    }
}

void capability(Capabilities& c, std::string_view name, OnOff state) {
    const auto at = std::find(std::begin(kCapabilities), std::end(kCapabilities), name);
    if (at != std::end(kCapabilities))
        c.list.push_back({static_cast<std::size_t>(at - std::begin(kCapabilities)), state});
}

void capabilities(Domain& d, const Settings& all) {
    Capabilities c;
    const bool keeps = !value_of(all, "lxc.cap.keep").empty();
    c.policy = keeps ? "deny" : "allow";
    for (const Setting& s : all)
        if (s.key == (keeps ? "lxc.cap.keep" : "lxc.cap.drop"))
            for (const std::string& name : words_of(s.value, " \t"))
                capability(c, name, keeps ? OnOff::on : OnOff::off);
    std::sort(c.list.begin(), c.list.end(), [](const Capability& a, const Capability& b) { return a.which < b.which; });
    d.features.capabilities = std::move(c);
}

void identities(Domain& d, const Settings& all) {
    for (const Setting& s : all) {
        if (s.key != "lxc.idmap") continue;
        const auto w = words_of(s.value, " \t");
        if (w.size() != 4) continue;
        IdRange r{number<std::uint32_t>(w[1]), number<std::uint32_t>(w[2]), number<std::uint32_t>(w[3])};
        (w[0] == "g" ? d.gid_map : d.uid_map).push_back(r);
    }
}

void memory(Domain& d, const Settings& all) {
    d.memory = kMemoryKib;
    Memtune tune;
    const auto limit = [&](const char* key) { return kib_of(value_of(all, std::string("lxc.cgroup.memory.") + key)); };
    if (const auto kib = limit("limit_in_bytes")) d.memory = *kib, tune.hard_limit = *kib;
    if (const auto kib = limit("soft_limit_in_bytes")) tune.soft_limit = *kib;
    if (const auto kib = limit("memsw.limit_in_bytes")) tune.swap_hard_limit = *kib;
    if (tune.hard_limit || tune.soft_limit || tune.swap_hard_limit) d.memtune = tune;
}

void processors(Domain& d, const Settings& all) {
    d.vcpu.max = 1;
    if (const auto set = sdk::xml::CpuSet::parse(value_of(all, "lxc.cgroup.cpuset.cpus"))) d.vcpu.cpuset = *set;
    if (const auto set = sdk::xml::CpuSet::parse(value_of(all, "lxc.cgroup.cpuset.mems"))) {
        d.numatune.emplace().memory.emplace();
        d.numatune->memory->mode = "strict";
        d.numatune->memory->nodeset = *set;
    }
    Cputune tune;
    tune.shares = number<std::uint64_t>(value_of(all, "lxc.cgroup.cpu.shares"));
    tune.quota = number<std::int64_t>(value_of(all, "lxc.cgroup.cpu.cfs_quota_us"));
    tune.period = number<std::uint64_t>(value_of(all, "lxc.cgroup.cpu.cfs_period_us"));
    if (tune.shares || tune.quota || tune.period) d.cputune = tune;
}

// "MAJOR:MINOR VALUE" lines, of which one device may have several.
BlkioDevice& device_of(Blkiotune& tune, const std::string& number) {
    const std::string path = "/dev/block/" + number;
    for (BlkioDevice& d : tune.devices)
        if (d.path == path) return d;
    tune.devices.emplace_back().path = path;
    return tune.devices.back();
}

void block(Domain& d, const Settings& all) {
    Blkiotune tune;
    constexpr std::string_view kPrefix = "lxc.cgroup.blkio.";
    for (const Setting& s : all) {
        if (!s.key.starts_with(kPrefix)) continue;
        const std::string_view key = std::string_view(s.key).substr(kPrefix.size());
        const auto w = words_of(s.value, " \t");
        if (key == "weight") tune.weight = number<std::uint32_t>(s.value);
        if (w.size() != 2) continue;
        if (key == "device_weight" || key == "weight_device")
            device_of(tune, w[0]).weight = number<std::uint32_t>(w[1]);
        if (key == "throttle.read_bps_device") device_of(tune, w[0]).read_bytes_sec = number<std::uint64_t>(w[1]);
        if (key == "throttle.write_bps_device") device_of(tune, w[0]).write_bytes_sec = number<std::uint64_t>(w[1]);
        if (key == "throttle.read_iops_device") device_of(tune, w[0]).read_iops_sec = number<std::uint32_t>(w[1]);
        if (key == "throttle.write_iops_device") device_of(tune, w[0]).write_iops_sec = number<std::uint32_t>(w[1]);
    }
    if (tune.weight || !tune.devices.empty()) d.blkiotune = std::move(tune);
}

std::string arch_of(const std::string& name) {
    constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"x86", "i686"},     {"i386", "i686"},
                                                                        {"i486", "i686"},    {"i586", "i686"},
                                                                        {"amd64", "x86_64"}, {"arm64", "aarch64"}};
    for (const auto& [theirs, ours] : kNames)
        if (name == theirs) return std::string(ours);
    return name;
}

} // namespace

Result<Domain> from_native(std::string_view config) {
    PV_ASSIGN_OR_RETURN(const Settings all, read_settings(config));
    Domain d;
    d.type = "lxc";
    d.uuid = Uuid::random();
    d.name = value_of(all, "lxc.uts.name");
    if (d.name.empty()) d.name = "unnamed";
    d.os.type.type = "exe";
    d.os.type.arch = arch_of(value_of(all, "lxc.arch"));
    PV_TRY(root(d, all));
    for (const Setting& s : all)
        if (s.key == "lxc.mount.entry") PV_TRY(mount(d, s.value));
    const std::string init = value_of(all, "lxc.init.cmd");
    if (!init.empty()) d.os.init = init;
    memory(d, all);
    processors(d, all);
    block(d, all);
    identities(d, all);
    PV_TRY(interfaces_from(all, d));
    consoles(d, all);
    capabilities(d, all);
    const std::string arch = d.os.type.arch;
    PV_TRY(complete(d));
    d.os.type.arch = arch; // which it is where it runs is not said
    return d;
}

} // namespace polyvirt::lxc
