// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/machine.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace polyvirt::dispatch {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCpus = "/sys/devices/system/cpu";
constexpr const char* kNodes = "/sys/devices/system/node";

std::optional<std::uint64_t> to_number(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    return ec == std::errc{} && end != text.data() ? std::optional(n) : std::nullopt;
}

// The numbers N of the entries PREFIX + N of a folder.
std::set<int> numbered(const std::string& folder, std::string_view prefix) {
    std::set<int> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(prefix)) continue;
        const std::string_view digits = std::string_view(name).substr(prefix.size());
        int n = 0;
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
        if (ec == std::errc{} && end == digits.data() + digits.size()) found.insert(n);
    }
    return found;
}

// "Node 0 MemTotal:  123 kB", or the same without its first two words.
std::uint64_t memory_field(const std::string& path, std::string_view field) {
    std::ifstream file(path);
    for (std::string text; std::getline(file, text);) {
        const std::size_t at = text.find(field);
        if (at == std::string::npos || (at > 0 && text[at - 1] != ' ') || text[at + field.size()] != ':') continue;
        const std::size_t digits = text.find_first_of("0123456789", at + field.size());
        if (digits != std::string::npos) return to_number(std::string_view(text).substr(digits)).value_or(0);
    }
    return 0;
}

} // namespace

std::string Machine::line(const std::string& path) const {
    std::ifstream file(root_ + path);
    std::string text;
    std::getline(file, text);
    return text;
}

std::string Machine::bytes(const std::string& path, std::size_t most) const {
    std::ifstream file(root_ + path, std::ios::binary);
    std::string text(most, '\0');
    file.read(text.data(), static_cast<std::streamsize>(most));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

std::optional<std::uint64_t> Machine::number(const std::string& path) const { return to_number(line(path)); }

bool Machine::has(const std::string& path) const {
    std::error_code error;
    return fs::exists(root_ + path, error);
}

int Machine::write(const std::string& path, std::string_view text) const {
    const UniqueFd fd(::open((root_ + path).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (!fd) return errno;
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0) return errno;
    return static_cast<std::size_t>(written) == text.size() ? 0 : EIO;
}

std::string Machine::page_pool(int cell, std::uint32_t kib) {
    const std::string folder = cell < 0 ? "/sys/kernel/mm" : fmt::format("{}/node{}", kNodes, cell);
    return fmt::format("{}/hugepages/hugepages-{}kB/nr_hugepages", folder, kib);
}

std::uint32_t Machine::system_page_kib() { return static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE) / 1024); }

Machine::Topology Machine::topology() const {
    Topology t;
    std::set<std::string> packages;
    std::set<std::pair<std::string, std::string>> cores;
    for (const int cpu : numbered(root_ + kCpus, "cpu")) {
        const std::string folder = fmt::format("{}/cpu{}/topology/", kCpus, cpu);
        const std::string package = line(folder + "physical_package_id");
        if (package.empty()) continue; // off line
        ++t.cpus;
        packages.insert(package);
        cores.emplace(package, line(folder + "core_id"));
    }
    if (t.cpus == 0) t.cpus = static_cast<std::int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
    const auto at_least_1 = [](std::size_t n) { return std::max<std::int32_t>(static_cast<std::int32_t>(n), 1); };
    t.nodes = at_least_1(numbered(root_ + kNodes, "node").size());
    t.sockets = at_least_1(packages.size() / static_cast<std::size_t>(t.nodes));
    t.cores = at_least_1(cores.size() / static_cast<std::size_t>(t.sockets * t.nodes));
    t.threads = std::max(t.cpus / (t.cores * t.sockets * t.nodes), 1);
    std::ifstream info(root_ + "/proc/cpuinfo");
    for (std::string text; std::getline(info, text);) {
        const std::size_t digits = text.find_first_of("0123456789");
        if (!text.starts_with("cpu MHz") || digits == std::string::npos) continue;
        t.mhz = static_cast<std::int32_t>(to_number(std::string_view(text).substr(digits)).value_or(0));
        break;
    }
    return t;
}

std::uint64_t Machine::meminfo(std::string_view field) const { return memory_field(root_ + "/proc/meminfo", field); }

std::optional<Machine::Memory> Machine::cell_memory(int cell) const {
    const std::string path = fmt::format("{}{}/node{}/meminfo", root_, kNodes, cell);
    std::error_code error;
    if (!fs::exists(path, error)) return std::nullopt;
    return Memory{memory_field(path, "MemTotal"), memory_field(path, "MemFree")};
}

Machine::Memory Machine::memory() const {
    Memory all;
    for (const int cell : numbered(root_ + kNodes, "node"))
        if (const auto one = cell_memory(cell)) all = {all.total + one->total, all.free + one->free};
    return all.total != 0 ? all : Memory{meminfo("MemTotal"), meminfo("MemFree")};
}

int Machine::last_cell() const {
    const std::set<int> cells = numbered(root_ + kNodes, "node");
    return cells.empty() ? 0 : *cells.rbegin();
}

std::optional<Machine::CpuTimes> Machine::cpu_times(int cpu) const {
    const std::string wanted = cpu < 0 ? "cpu" : fmt::format("cpu{}", cpu);
    const std::uint64_t tick = 1'000'000'000ULL / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    std::ifstream file(root_ + "/proc/stat");
    for (std::string text; std::getline(file, text);) {
        std::istringstream fields(text);
        std::string name;
        std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, soft = 0;
        if (!(fields >> name) || name != wanted) continue;
        if (!(fields >> user >> nice >> system >> idle)) continue;
        fields >> iowait >> irq >> soft;
        return CpuTimes{(user + nice) * tick, (system + irq + soft) * tick, idle * tick, iowait * tick};
    }
    return std::nullopt;
}

std::vector<bool> parse_cpu_list(std::string_view text) {
    constexpr std::uint64_t kMost = 1'000'000;
    std::vector<bool> cpus;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string_view part = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        const std::size_t dash = part.find('-');
        const auto first = to_number(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : to_number(part.substr(dash + 1));
        if (!first || !last || *last < *first || *last > kMost) return {};
        if (cpus.size() <= *last) cpus.resize(*last + 1);
        for (std::uint64_t i = *first; i <= *last; ++i) cpus[i] = true;
    }
    return cpus;
}

std::vector<bool> Machine::cpu_map() const {
    const std::size_t present = parse_cpu_list(line(fmt::format("{}/present", kCpus))).size();
    std::vector<bool> online = parse_cpu_list(line(fmt::format("{}/online", kCpus)));
    online.resize(std::max(present, online.size()));
    return online;
}

std::optional<std::uint64_t> Machine::free_pages(int cell, std::uint32_t kib) const {
    if (kib == system_page_kib()) {
        const auto found = cell < 0 ? std::optional(memory()) : cell_memory(cell);
        return found ? std::optional(found->free / kib) : std::nullopt;
    }
    const std::string folder = cell < 0 ? "/sys/kernel/mm" : fmt::format("{}/node{}", kNodes, cell);
    return number(fmt::format("{}/hugepages/hugepages-{}kB/free_hugepages", folder, kib));
}

std::optional<std::uint64_t> Machine::ksm(const std::string& name) const { return number("/sys/kernel/mm/ksm/" + name); }

} // namespace polyvirt::dispatch
