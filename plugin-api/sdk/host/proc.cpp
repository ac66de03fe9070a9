// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/host/proc.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace polyvirt::sdk {
namespace {

// `guess` is what is enough in general: then one read does.
std::string slurp(const std::string& path, std::size_t guess, std::size_t most) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    if (!fd) return text;
    std::size_t used = 0;
    while (used < most) {
        text.resize(used + guess);
        const ssize_t n = ::read(fd.get(), text.data() + used, guess);
        if (n <= 0) break;
        used += static_cast<std::size_t>(n);
        // The kernel fills a page at least while there is more.
        if (static_cast<std::size_t>(n) < std::min<std::size_t>(guess, 2048)) break;
    }
    text.resize(used);
    return text;
}

// The next word of `text`, which it takes off.
std::string_view word(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n')) text.remove_prefix(1);
    const std::string_view found = text.substr(0, text.find_first_of(" \t\n"));
    text.remove_prefix(found.size());
    return found;
}
template <typename T> T number(std::string_view text) {
    T value{};
    (void)std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

std::optional<ProcTimes> parse_stat(std::string_view text) {
    // The name, in parentheses, may hold anything; the fields after its end are numbers.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return {};
    text.remove_prefix(name_end + 1);
    static const auto tick = 1'000'000'000ULL / static_cast<unsigned long long>(::sysconf(_SC_CLK_TCK));
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
    ProcTimes times;
    for (int field = 3; field <= 39; ++field) {
        const std::string_view w = word(text);
        if (w.empty()) return {};
        if (field == 14) times.user = number<std::uint64_t>(w) * tick;
        if (field == 15) times.system = number<std::uint64_t>(w) * tick;
        if (field == 24) times.resident_kib = number<std::uint64_t>(w) * page;
        if (field == 39) times.processor = number<std::int32_t>(w);
    }
    return times;
}

std::optional<ProcTimes> process_times(std::int64_t pid) { return parse_stat(slurp(fmt::format("/proc/{}/stat", pid), 1024, 4096)); }

std::optional<ProcTimes> thread_times(std::int64_t pid, std::int64_t tid) {
    return parse_stat(slurp(fmt::format("/proc/{}/task/{}/stat", pid, tid), 1024, 4096));
}

std::optional<SchedTimes> sched_times(std::int64_t pid, std::int64_t tid) {
    const std::string text = slurp(fmt::format("/proc/{}/task/{}/schedstat", pid, tid), 128, 256);
    std::string_view rest = text;
    if (rest.empty()) return {};
    SchedTimes times;
    times.ran = number<std::uint64_t>(word(rest));
    times.delayed = number<std::uint64_t>(word(rest));
    return times;
}

bool counts_waits() { return slurp("/proc/sys/kernel/sched_schedstats", 16, 16).starts_with('1'); }

std::uint64_t wait_time(std::int64_t pid, std::int64_t tid) {
    const std::string text = slurp(fmt::format("/proc/{}/task/{}/sched", pid, tid), 8192, 16'384);
    const std::size_t at = text.find("wait_sum");
    if (at == std::string::npos) return 0;
    const std::size_t colon = text.find(':', at);
    if (colon == std::string::npos) return 0;
    std::string_view rest = std::string_view(text).substr(colon + 1);
    // "milliseconds.nanoseconds of the rest"
    const std::string value(word(rest));
    return static_cast<std::uint64_t>(std::strtod(value.c_str(), nullptr) * 1e6);
}

std::map<std::string, NetCounters, std::less<>> parse_net_dev(std::string_view text) {
    std::map<std::string, NetCounters, std::less<>> all;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t colon = line.rfind(':'); // names may have one
        if (colon == std::string_view::npos) continue;
        std::string_view name = line.substr(0, colon);
        while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
        line.remove_prefix(colon + 1);
        std::uint64_t fields[16] = {};
        for (std::uint64_t& field : fields) field = number<std::uint64_t>(word(line));
        all.emplace(name, NetCounters{.rx_bytes = fields[0], .rx_packets = fields[1], .rx_errs = fields[2], .rx_drop = fields[3],
                                      .tx_bytes = fields[8], .tx_packets = fields[9], .tx_errs = fields[10], .tx_drop = fields[11]});
    }
    return all;
}

std::map<std::string, NetCounters, std::less<>> net_counters() { return parse_net_dev(slurp("/proc/thread-self/net/dev", 16'384, std::size_t{4} << 20)); }

NetCounters as_guest(const NetCounters& host, const domain::Interface& interface) {
    if (interface.type == domain::InterfaceType::direct) return host;
    return {.rx_bytes = host.tx_bytes, .rx_packets = host.tx_packets, .rx_errs = host.tx_errs, .rx_drop = host.tx_drop,
            .tx_bytes = host.rx_bytes, .tx_packets = host.rx_packets, .tx_errs = host.rx_errs, .tx_drop = host.rx_drop};
}

} // namespace polyvirt::sdk
