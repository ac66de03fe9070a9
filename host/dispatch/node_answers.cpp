// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is the same for every driver because it is the host's: its processors and memory.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include <unistd.h>

#include "base/error_text.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_objects.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;
namespace fs = std::filesystem;

// The first line of a file of the kernel's, "" if it is not there.
std::string read_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// A field of /proc/meminfo in KiB, or 0.
std::uint64_t meminfo(std::string_view field) {
    std::ifstream file("/proc/meminfo");
    std::string name;
    std::uint64_t value = 0;
    std::string rest;
    while (file >> name >> value && std::getline(file, rest))
        if (name.substr(0, name.size() - 1) == field) return value;
    return 0;
}

struct Topology {
    std::int32_t cpus = 0, nodes = 1, sockets = 1, cores = 1, threads = 1, mhz = 0;
};

Topology read_topology() {
    Topology t;
    const fs::path base = "/sys/devices/system/cpu";
    std::set<std::string> packages;
    std::set<std::pair<std::string, std::string>> cores;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(base, error)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("cpu") || name.size() < 4 || name[3] < '0' || name[3] > '9') continue;
        const std::string package = read_line(entry.path() / "topology/physical_package_id");
        if (package.empty()) continue; // off line
        ++t.cpus;
        packages.insert(package);
        cores.emplace(package, read_line(entry.path() / "topology/core_id"));
    }
    if (t.cpus == 0) t.cpus = static_cast<std::int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
    std::int32_t nodes = 0;
    for (const auto& entry : fs::directory_iterator("/sys/devices/system/node", error)) {
        const std::string name = entry.path().filename().string();
        nodes += name.starts_with("node") && name.size() > 4 && name[4] >= '0' && name[4] <= '9' ? 1 : 0;
    }
    t.nodes = std::max(nodes, 1);
    t.sockets = std::max<std::int32_t>(static_cast<std::int32_t>(packages.size()) / t.nodes, 1);
    t.cores = std::max<std::int32_t>(static_cast<std::int32_t>(cores.size()) / (t.sockets * t.nodes), 1);
    t.threads = std::max(t.cpus / (t.cores * t.sockets * t.nodes), 1);
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("cpu MHz")) {
            t.mhz = std::atoi(line.c_str() + line.find(':') + 1); // NOLINT(cert-err34-c): the kernel's
            break;
        }
    return t;
}

Status get_info(WireCall&, const Nothing&, remote::node_get_info_ret& ret) {
    const Topology t = read_topology();
    char model[33] = {};
#if defined(__x86_64__)
    std::strncpy(model, "x86_64", 32);
#elif defined(__aarch64__)
    std::strncpy(model, "aarch64", 32);
#else
    std::strncpy(model, "unknown", 32);
#endif
    std::copy(model, model + 32, ret.model.begin());
    ret.memory = meminfo("MemTotal");
    ret.cpus = t.cpus;
    ret.mhz = t.mhz;
    ret.nodes = t.nodes;
    ret.sockets = t.sockets;
    ret.cores = t.cores;
    ret.threads = t.threads;
    return {};
}

Status get_free_memory(WireCall&, const Nothing&, remote::node_get_free_memory_ret& ret) {
    ret.freeMem = meminfo("MemFree") * 1024;
    return {};
}

template <typename Args, typename Ret, Status (*F)(WireCall&, const Args&, Ret&)>
constexpr HostAnswer entry(remote::Proc proc) {
    return {remote::kProgram, static_cast<std::int32_t>(proc), &typed<Args, Ret, F>};
}

constexpr HostAnswer kAnswers[] = {
    entry<Nothing, remote::node_get_info_ret, &get_info>(remote::Proc::node_get_info),
    entry<Nothing, remote::node_get_free_memory_ret, &get_free_memory>(remote::Proc::node_get_free_memory),
};

} // namespace

std::span<const HostAnswer> node_answers() { return kAnswers; }

} // namespace polyvirt::dispatch
