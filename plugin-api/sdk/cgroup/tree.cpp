// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "sdk/cgroup/cgroup.h"
#include "sdk/cgroup/files.h"

namespace polyvirt::sdk::cgroup {
namespace {

constexpr std::string_view kNames[kControllers] = {"cpu", "cpuacct", "cpuset", "memory", "devices", "blkio"};

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(at), text.size());
        parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::uint32_t controllers_in(std::string_view list, char separator) {
    std::uint32_t found = 0;
    for (const std::string_view word : split(list, separator)) {
        for (std::size_t i = 0; i < kControllers; ++i)
            if (word == kNames[i]) found |= 1U << i;
        if (word == "io") found |= bit(Controller::blkio);
    }
    return found;
}

struct Mount {
    std::string_view root, point, type, options;
};

// A line of mountinfo: "36 35 0:32 ROOT POINT options... - TYPE source SUPER-OPTIONS".
Mount parse_mount(std::string_view line) {
    const auto fields = split(line, ' ');
    Mount m;
    for (std::size_t i = 6; i + 3 < fields.size(); ++i) {
        if (fields[i] != "-") continue;
        m = {fields[3], fields[4], fields[i + 1], fields[i + 3]};
        break;
    }
    return m;
}

// The daemon's place in a hierarchy: "N:CONTROLLERS:PATH"; v2's is "0::PATH". `others`: the list itself, of a hierarchy
// without controllers of ours.
std::string_view own_place(std::string_view own, std::uint32_t controllers, std::string_view others) {
    for (const std::string_view line : split(own, '\n')) {
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const std::string_view list = line.substr(first + 1, second - first - 1);
        const bool this_one = controllers == 0 ? list == others : (controllers_in(list, ',') & controllers) != 0;
        if (this_one) return line.substr(second + 1);
    }
    return {};
}

// What is left of the options of a v1 mount when those of every mount are gone: "freezer", "name=systemd".
std::string list_of(std::string_view options) {
    std::string list;
    for (const std::string_view word : split(options, ',')) {
        if (word == "rw" || word == "ro" || word == "xattr" || word == "clone_children" || word.starts_with("release_agent")) continue;
        list += std::string(list.empty() ? "" : ",") + std::string(word);
    }
    return list;
}

} // namespace

std::string_view name(Controller controller) { return kNames[static_cast<std::size_t>(controller)]; }

std::string group_name(std::string_view driver, std::int32_t id, std::string_view guest) {
    constexpr std::size_t kNameMax = 60;
    std::string safe;
    for (const char c : guest.substr(0, kNameMax))
        safe += c == '/' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ? '_' : c;
    return fmt::format("{}-{}-{}", driver, id, safe);
}

std::string prefix_of(std::string_view run_folder, std::string_view usual_run_folder) {
    if (run_folder == usual_run_folder) return {};
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : run_folder) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return fmt::format("/polyvirt-{:016x}", hash);
}

Tree Tree::of(std::string_view mountinfo, std::string_view own, std::string prefix, ErrorDomain domain) {
    Tree tree;
    tree.domain_ = domain;
    tree.prefix_ = std::move(prefix);
    for (const std::string_view line : split(mountinfo, '\n')) {
        const Mount m = parse_mount(line);
        Hierarchy h;
        if (m.type == "cgroup") h.controllers = controllers_in(m.options, ',');
        if (m.type == "cgroup2") h.version = 2;
        if (h.controllers == 0 && m.type == "cgroup") h.others = list_of(m.options);
        if (h.controllers == 0 && h.others.empty() && h.version == 1) continue;
        std::string_view place = own_place(own, h.version == 2 ? 0 : h.controllers, h.others);
        // A mount of a part of the hierarchy, as in a container.
        if (m.root != "/" && place.starts_with(m.root)) place.remove_prefix(m.root.size());
        if (place.empty() || place.find("..") != std::string_view::npos) place = "/";
        h.base = std::string(m.point) + (place == "/" ? "" : std::string(place));
        const auto same = [&h](const Hierarchy& o) { return o.version == h.version && o.controllers == h.controllers && o.others == h.others; };
        if (std::none_of(tree.hierarchies_.begin(), tree.hierarchies_.end(), same)) tree.hierarchies_.push_back(h);
    }
    return tree;
}

Tree Tree::of_this_process(std::string prefix, ErrorDomain domain) {
    const auto mounts = read_file("/proc/self/mountinfo"), own = read_file("/proc/self/cgroup");
    const bool read = mounts && own;
    return of(read ? *mounts : "", read ? *own : "", std::move(prefix), domain);
}

Group Tree::guest(std::string_view partition, const std::string& guest_name, Reach reach) const {
    Group group;
    group.domain_ = domain_;
    std::string below = prefix_;
    for (const std::string_view part : split(partition, '/'))
        if (!part.empty() && part != "." && part != "..") below += "/" + std::string(part);
    for (const Hierarchy& h : hierarchies_)
        if (h.controllers != 0 || reach == Reach::every_hierarchy)
            group.places_.push_back({h.base + below + "/" + guest_name, h.version, h.controllers, false});
    return group;
}

Status Tree::prepare() {
    Status all;
    for (Hierarchy& h : hierarchies_) {
        if (h.version != 2) continue;
        if (const Status one = prepare_v2(h); !one) all = one;
    }
    return all;
}

Status Tree::prepare_v2(Hierarchy& h) const {
    const auto offered = read_file(h.base + "/cgroup.controllers");
    if (!offered) return offered.error();
    const std::uint32_t there = controllers_in(*offered, ' ');
    if (there == 0) return {}; // all of them are v1's on this host
    const auto given = read_file(h.base + "/cgroup.subtree_control");
    if (!given) return given.error();
    const std::uint32_t before = controllers_in(*given, ' ');
    h.controllers = before;
    // The machine's root has no cgroup.type; what it gives is not ours to change.
    if (before == there || ::access((h.base + "/cgroup.type").c_str(), F_OK) != 0) return {};
    std::string wanted;
    for (std::size_t i = 0; i < kControllers; ++i)
        if ((there & 1U << i) != 0) wanted += fmt::format("+{} ", i == static_cast<std::size_t>(Controller::blkio) ? "io" : kNames[i]);
    Status enabled = write_file(h.base + "/cgroup.subtree_control", wanted);
    if (!enabled && enabled.error().int1 == EBUSY) {
        const std::string own = h.base + "/daemon";
        if (::mkdir(own.c_str(), 0755) != 0 && errno != EEXIST)
            return make_system_error(errno, ErrorDomain::none, "cannot make the control group '" + own + "'");
        PV_TRY(write_file(own + "/cgroup.procs", "0"));
        enabled = write_file(h.base + "/cgroup.subtree_control", wanted);
    }
    if (enabled) h.controllers = there;
    return enabled;
}

} // namespace polyvirt::sdk::cgroup
