// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the kernel tells of this host's processors and memory.

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include <dirent.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>

#include "sdk/host/host_facts.h"
#include "sdk/host/processor.h"

namespace polyvirt::sdk {
namespace {

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::uint32_t number(std::string_view text, std::uint32_t otherwise = 0) {
    std::uint32_t n = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

std::vector<std::uint32_t> online_cpus() {
    std::vector<std::uint32_t> list;
    std::stringstream ranges(first_line("/sys/devices/system/cpu/online"));
    for (std::string range; std::getline(ranges, range, ',');) {
        const std::size_t dash = range.find('-');
        const std::uint32_t first = number(range);
        const std::uint32_t last = dash == std::string::npos ? first : number(std::string_view(range).substr(dash + 1), first);
        for (std::uint32_t cpu = first; cpu <= last && list.size() < 65536; cpu++) list.push_back(cpu);
    }
    return list;
}

// "0x1000065" as the decimal number that documents have.
std::string microcode_number(std::string_view text) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    std::uint64_t n = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), n, 16);
    return end.ec == std::errc() ? std::to_string(n) : std::string();
}

// The base size and those of huge pages.
std::vector<std::uint64_t> page_sizes() {
    std::vector<std::uint64_t> sizes;
    sizes.reserve(16); // more than there are, so that nothing fails while the folder is open
    sizes.push_back(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024);
    // Not std::filesystem's iterator: without memory that ends the process (gcc 12).
    if (DIR* const dir = ::opendir("/sys/kernel/mm/hugepages")) {
        while (const dirent* const entry = ::readdir(dir)) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
            const std::string_view name = entry->d_name;     // hugepages-2048kB
            const std::uint32_t kib = number(name.substr(std::min(name.size(), name.find('-') + 1)));
            if (kib != 0 && sizes.size() < sizes.capacity()) sizes.push_back(kib);
        }
        ::closedir(dir);
    }
    std::sort(sizes.begin(), sizes.end());
    return sizes;
}

// Caches of one processor that are not in `caches` yet.
void read_caches(std::uint32_t cpu, std::vector<HostCache>& caches) {
    for (int index = 0; index < 16; index++) {
        const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/cache/index{}/", cpu, index);
        HostCache c{.id = number(first_line(folder + "id")), .level = number(first_line(folder + "level")), .type = first_line(folder + "type"),
                    .size_kib = number(first_line(folder + "size")), .cpus = first_line(folder + "shared_cpu_list")};
        if (c.level == 0) return;
        if (c.level < 3) continue;
        c.type = c.type == "Unified" ? "both" : c.type == "Data" ? "data" : "code";
        const bool known = std::any_of(caches.begin(), caches.end(), [&](const HostCache& o) { return o.level == c.level && o.id == c.id && o.type == c.type; });
        if (!known) caches.push_back(std::move(c));
    }
}

void read_cpuinfo(HostFacts& f) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line) && !line.empty();) { // the first processor alone
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || colon + 2 > line.size()) continue;
        const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
        const std::string value = line.substr(colon + 2);
        if (key == "microcode") f.microcode = microcode_number(value);
        if (key == "address sizes") f.address_bits = number(value);
    }
}

void read_memory(HostFacts& f) {
    std::ifstream file("/proc/meminfo");
    for (std::string key; file >> key;) {
        if (key == "MemTotal:") {
            file >> f.memory_kib;
            return;
        }
    }
}

} // namespace

std::uint32_t HostFacts::sockets() const {
    std::set<std::uint32_t> seen;
    for (const HostCpu& c : cpus) seen.insert(c.socket);
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(seen.size()));
}
std::uint32_t HostFacts::cores() const {
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (const HostCpu& c : cpus) seen.insert({c.socket, c.core});
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(seen.size()) / sockets());
}
std::uint32_t HostFacts::threads() const {
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(cpus.size()) / (sockets() * cores()));
}

HostFacts read_host_facts(const Uuid& uuid) {
    HostFacts f;
    f.uuid = uuid;
    const auto firmware = Uuid::parse(first_line("/sys/class/dmi/id/product_uuid"));
    // Some firmware carries the same useless number on every board.
    if (firmware && !firmware->is_nil() && std::any_of(firmware->bytes.begin(), firmware->bytes.end(), [&](auto b) { return b != firmware->bytes[0]; }))
        f.uuid = *firmware;
    utsname name{};
    if (::uname(&name) == 0) f.arch = name.machine;
    read_cpuinfo(f);
    f.processor = read_processor();
    f.page_kib = page_sizes();
    read_memory(f);
    for (const std::uint32_t id : online_cpus()) {
        const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/topology/", id);
        HostCpu c{.id = id, .socket = number(first_line(folder + "physical_package_id")), .die = number(first_line(folder + "die_id")),
                  .core = number(first_line(folder + "core_id"), id), .siblings = first_line(folder + "thread_siblings_list")};
        if (c.siblings.empty()) c.siblings = std::to_string(id);
        f.cpus.push_back(std::move(c));
        read_caches(id, f.caches);
    }
    return f;
}

} // namespace polyvirt::sdk
