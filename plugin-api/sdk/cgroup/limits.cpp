// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cgroup/limits.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error_text.h"
#include "sdk/cgroup/files.h"

namespace polyvirt::sdk {
namespace {

using cgroup::Controller;
using namespace domain;

constexpr std::uint64_t kUnlimitedKib = 9'007'199'254'740'991; // the API's word for "no limit"

constexpr std::uint64_t kSharesDefault = 1024, kWeightDefault = 100; // v1's; v2's
constexpr std::uint64_t kPeriodDefault = 100'000;

template <typename T> std::optional<T> number(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
    T value{};
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return {};
    return value;
}
// "key value" lines.
std::uint64_t field(std::string_view text, std::string_view key) {
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view line = text.substr(at, text.find('\n', at) - at);
        if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') return number<std::uint64_t>(line.substr(key.size())).value_or(0);
        at += line.size() + 1;
    }
    return 0;
}
std::vector<std::uint64_t> numbers(std::string_view text) {
    std::vector<std::uint64_t> all;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view word = text.substr(at, text.find_first_of(" \n", at) - at);
        if (const auto value = number<std::uint64_t>(word)) all.push_back(*value);
        at += word.size() + 1;
    }
    return all;
}
bool there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// Bytes of the kernel, "max" where there is no limit, as the document has them.
sdk::xml::Size kib_of(std::string_view text) {
    const auto bytes = number<std::uint64_t>(text);
    // v1's "no limit" is the largest number of whole pages.
    if (!bytes || *bytes / 1024 >= kUnlimitedKib - 64) return {};
    return *bytes / 1024;
}
std::string bytes_of(const sdk::xml::Size& kib, const char* none) { return kib ? fmt::format("{}", *kib * 1024) : none; }

} // namespace

std::string name_of(Within where) {
    switch (where.kind) {
    case Within::Kind::guest: return "";
    case Within::Kind::emulator: return "emulator";
    case Within::Kind::vcpu: return fmt::format("vcpu{}", where.id);
    case Within::Kind::iothread: return fmt::format("iothread{}", where.id);
    }
    return "";
}

Result<cgroup::Group> Limits::at(Within where) const {
    if (where.kind == Within::Kind::guest) return group_;
    return group_.thread_group(name_of(where));
}

Result<Memtune> Limits::memory() const {
    Memtune tune;
    const bool v2 = group_.version(Controller::memory) == 2;
    PV_ASSIGN_OR_RETURN(const std::string hard, group_.get(Controller::memory, v2 ? "memory.max" : "memory.limit_in_bytes"));
    tune.hard_limit = kib_of(hard);
    PV_ASSIGN_OR_RETURN(const std::string soft, group_.get(Controller::memory, v2 ? "memory.high" : "memory.soft_limit_in_bytes"));
    tune.soft_limit = kib_of(soft);
    // Kernels can be without accounting of swap.
    if (const auto swap = group_.get(Controller::memory, v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes")) {
        tune.swap_hard_limit = kib_of(*swap);
        if (v2 && tune.swap_hard_limit) *tune.swap_hard_limit += tune.hard_limit.value_or(0);
    }
    return tune;
}

Status Limits::set_memory(const Memtune& wanted) const {
    PV_ASSIGN_OR_RETURN(const Memtune now, memory());
    const bool v2 = group_.version(Controller::memory) == 2;
    const char* const none = v2 ? "max" : "-1";
    const auto set_hard = [&]() -> Status {
        if (wanted.hard_limit == now.hard_limit) return {};
        return group_.set(Controller::memory, v2 ? "memory.max" : "memory.limit_in_bytes", bytes_of(wanted.hard_limit, none));
    };
    const auto set_swap = [&]() -> Status {
        if (wanted.swap_hard_limit == now.swap_hard_limit && (!v2 || wanted.hard_limit == now.hard_limit)) return {};
        sdk::xml::Size swap = wanted.swap_hard_limit;
        if (v2 && swap) *swap -= std::min(*swap, wanted.hard_limit.value_or(0));
        if (v2 && !swap && !now.swap_hard_limit) return {};
        return group_.set(Controller::memory, v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes", bytes_of(swap, none));
    };
    // v1 never lets the one be above the other.
    constexpr std::uint64_t kNone = UINT64_MAX;
    const bool grows = wanted.swap_hard_limit.value_or(kNone) > now.swap_hard_limit.value_or(kNone);
    if (grows) PV_TRY(set_swap());
    PV_TRY(set_hard());
    if (!grows) PV_TRY(set_swap());
    if (wanted.soft_limit == now.soft_limit) return {};
    return group_.set(Controller::memory, v2 ? "memory.high" : "memory.soft_limit_in_bytes", bytes_of(wanted.soft_limit, none));
}

Result<std::uint64_t> Limits::shares() const {
    const bool v2 = group_.version(Controller::cpu) == 2;
    PV_ASSIGN_OR_RETURN(const std::string text, group_.get(Controller::cpu, v2 ? "cpu.weight" : "cpu.shares"));
    return number<std::uint64_t>(text).value_or(v2 ? kWeightDefault : kSharesDefault);
}

Status Limits::set_shares(std::uint64_t shares) const {
    const bool v2 = group_.version(Controller::cpu) == 2;
    const std::uint64_t low = v2 ? 1 : 2, high = v2 ? 10'000 : 262'144;
    if (group_.version(Controller::cpu) != 0 && (shares < low || shares > high))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::cgroup, "shares '{}' must be in range [{}, {}]", shares, low, high);
    return group_.set(Controller::cpu, v2 ? "cpu.weight" : "cpu.shares", std::to_string(shares));
}

Result<CpuBandwidth> Limits::bandwidth(Within where) const {
    CpuBandwidth now{.period = kPeriodDefault, .quota = -1};
    const std::string name = name_of(where), base = group_.folder(Controller::cpu);
    const std::string folder = name.empty() ? base : base + "/" + name;
    if (!base.empty() && !there(folder)) return now;
    const std::string in = name.empty() ? "" : name + "/";
    if (group_.version(Controller::cpu) == 2) {
        PV_ASSIGN_OR_RETURN(const std::string text, group_.get(Controller::cpu, in + "cpu.max"));
        now.quota = number<std::int64_t>(text).value_or(-1);
        const std::size_t blank = text.find(' ');
        if (blank != std::string::npos) now.period = number<std::uint64_t>(std::string_view(text).substr(blank)).value_or(kPeriodDefault);
        return now;
    }
    PV_ASSIGN_OR_RETURN(const std::string period, group_.get(Controller::cpu, in + "cpu.cfs_period_us"));
    PV_ASSIGN_OR_RETURN(const std::string quota, group_.get(Controller::cpu, in + "cpu.cfs_quota_us"));
    now.period = number<std::uint64_t>(period).value_or(kPeriodDefault);
    now.quota = number<std::int64_t>(quota).value_or(-1);
    return now;
}

Status Limits::set_bandwidth(Within where, const CpuBandwidth& wanted) const {
    PV_ASSIGN_OR_RETURN(const cgroup::Group group, at(where));
    PV_ASSIGN_OR_RETURN(const CpuBandwidth now, bandwidth(where));
    const std::uint64_t period = wanted.period.value_or(0) != 0 ? *wanted.period : now.period.value_or(kPeriodDefault);
    const std::int64_t quota = wanted.quota.value_or(0) != 0 ? *wanted.quota : wanted.quota ? -1 : now.quota.value_or(-1);
    if (group.version(Controller::cpu) == 2)
        return group.set(Controller::cpu, "cpu.max", quota < 0 ? fmt::format("max {}", period) : fmt::format("{} {}", quota, period));
    // A limit above the group's that it is in is refused, so it is lifted while the period changes.
    if (wanted.period.value_or(0) != 0 && period != now.period) {
        if (now.quota.value_or(-1) >= 0) PV_TRY(group.set(Controller::cpu, "cpu.cfs_quota_us", "-1"));
        PV_TRY(group.set(Controller::cpu, "cpu.cfs_period_us", std::to_string(period)));
        if (now.quota.value_or(-1) < 0 && quota < 0) return {};
        return group.set(Controller::cpu, "cpu.cfs_quota_us", std::to_string(quota < 0 ? -1 : quota));
    }
    if (quota == now.quota) return {};
    return group.set(Controller::cpu, "cpu.cfs_quota_us", std::to_string(quota < 0 ? -1 : quota));
}

namespace {
// Which of its files has weights is up to the disks' schedulers.
const char* weight_file(const cgroup::Group& group) {
    const std::string folder = group.folder(Controller::blkio);
    const bool v2 = group.version(Controller::blkio) == 2;
    for (const char* file : {v2 ? "io.weight" : "blkio.weight", v2 ? "io.bfq.weight" : "blkio.bfq.weight"})
        if (there(folder + "/" + file)) return file;
    return v2 ? "io.weight" : "blkio.weight";
}
} // namespace

Result<std::uint32_t> Limits::weight() const {
    const auto text = group_.get(Controller::blkio, weight_file(group_));
    if (!text) return text.error();
    std::string_view value = *text;
    if (value.starts_with("default ")) value.remove_prefix(8);
    return number<std::uint32_t>(value).value_or(static_cast<std::uint32_t>(kWeightDefault));
}

Status Limits::set_weight(std::uint32_t weight) const {
    return group_.set(Controller::blkio, weight_file(group_), std::to_string(weight));
}

Status Limits::set_devices(const std::vector<BlkioDevice>& before, const std::vector<BlkioDevice>& after) const {
    const auto find = [](const std::vector<BlkioDevice>& list, const std::string& path) {
        const auto found = std::find_if(list.begin(), list.end(), [&](const BlkioDevice& d) { return d.path == path; });
        return found == list.end() ? BlkioDevice{} : *found;
    };
    for (const BlkioDevice& d : before)
        if (find(after, d.path).path.empty()) {
            BlkioDevice nothing;
            nothing.path = d.path;
            PV_TRY(set_device(nothing, d));
        }
    for (const BlkioDevice& d : after) PV_TRY(set_device(d, find(before, d.path)));
    return {};
}

Status Limits::set_device(const BlkioDevice& device, const BlkioDevice& before) const {
    const bool v2 = group_.version(Controller::blkio) == 2;
    if (device.weight != before.weight) {
        const std::string file = v2 ? "io.weight" : "blkio.weight_device";
        if (!there(group_.folder(Controller::blkio) + "/" + file)) return group_.invalid("blkio device weight is valid only for cfq scheduler");
    }
    struct stat info {};
    if (::stat(device.path.c_str(), &info) != 0) return make_system_error(errno, ErrorDomain::cgroup, fmt::format("Path '{}' is not accessible", device.path));
    if (!S_ISBLK(info.st_mode)) return make_system_error(EINVAL, ErrorDomain::cgroup, fmt::format("Path '{}' must be a block device", device.path));
    const std::string number = fmt::format("{}:{}", ::major(info.st_rdev), ::minor(info.st_rdev));
    if (device.weight != before.weight)
        PV_TRY(group_.set(Controller::blkio, v2 ? "io.weight" : "blkio.weight_device",
                          fmt::format("{} {}", number, device.weight ? std::to_string(*device.weight) : v2 ? "default" : "0")));
    struct Row {
        const char *v1, *v2;
        std::optional<std::uint64_t> now, wanted;
    };
    const Row rows[] = {
        {"blkio.throttle.read_iops_device", "riops", before.read_iops_sec, device.read_iops_sec},
        {"blkio.throttle.write_iops_device", "wiops", before.write_iops_sec, device.write_iops_sec},
        {"blkio.throttle.read_bps_device", "rbps", before.read_bytes_sec, device.read_bytes_sec},
        {"blkio.throttle.write_bps_device", "wbps", before.write_bytes_sec, device.write_bytes_sec}};
    for (const Row& row : rows) {
        if (row.now == row.wanted) continue;
        const std::string value = row.wanted ? std::to_string(*row.wanted) : v2 ? "max" : "0";
        if (v2) PV_TRY(group_.set(Controller::blkio, "io.max", fmt::format("{} {}={}", number, row.v2, value)));
        else PV_TRY(group_.set(Controller::blkio, row.v1, fmt::format("{} {}", number, value)));
    }
    return {};
}

Status Limits::set_cpus(Within where, const sdk::xml::CpuSet& cpus) const {
    PV_ASSIGN_OR_RETURN(const cgroup::Group group, at(where));
    return group.set(Controller::cpuset, "cpuset.cpus", cpus.to_string());
}

Status Limits::set_nodes(const sdk::xml::CpuSet& nodes) const {
    // Groups within have nodes of their own in v1, which are never more than those above: those within first shrink.
    const std::string folder = group_.folder(Controller::cpuset);
    std::vector<std::string> within;
    if (group_.version(Controller::cpuset) == 1)
        if (DIR* const dir = ::opendir(folder.c_str())) {
            while (const dirent* const entry = ::readdir(dir)) // NOLINT(concurrency-mt-unsafe): a DIR of our own
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.') within.push_back(folder + "/" + entry->d_name + "/cpuset.mems");
            (void)::closedir(dir);
        }
    const std::string value = nodes.to_string();
    const Status first = group_.set(Controller::cpuset, "cpuset.mems", value);
    for (const std::string& file : within) PV_TRY(write_file(file, value));
    return first ? first : group_.set(Controller::cpuset, "cpuset.mems", value);
}

Result<CpuTimes> Limits::cpu_times() const {
    CpuTimes times;
    if (group_.version(Controller::cpuacct) != 1) {
        if (group_.version(Controller::cpu) != 2) return group_.invalid("cgroup CPUACCT controller is not mounted");
        PV_ASSIGN_OR_RETURN(const std::string text, group_.get(Controller::cpu, "cpu.stat"));
        times.total = field(text, "usage_usec") * 1000;
        times.user = field(text, "user_usec") * 1000;
        times.system = field(text, "system_usec") * 1000;
        return times;
    }
    PV_ASSIGN_OR_RETURN(const std::string usage, group_.get(Controller::cpuacct, "cpuacct.usage"));
    PV_ASSIGN_OR_RETURN(const std::string text, group_.get(Controller::cpuacct, "cpuacct.stat"));
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    times.total = number<std::uint64_t>(usage).value_or(0);
    times.user = field(text, "user") * (1'000'000'000 / ticks);
    times.system = field(text, "system") * (1'000'000'000 / ticks);
    return times;
}

Result<std::vector<std::uint64_t>> Limits::cpu_times_by_processor() const {
    PV_ASSIGN_OR_RETURN(const std::string text, group_.get(Controller::cpuacct, "cpuacct.usage_percpu"));
    return numbers(text);
}

Result<std::vector<std::uint64_t>> Limits::vcpu_times_by_processor() const {
    std::vector<std::uint64_t> sums;
    const std::string folder = group_.folder(Controller::cpuacct);
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr) return group_.invalid("cgroup CPUACCT controller is not mounted");
    while (const dirent* const entry = ::readdir(dir)) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
        if (!std::string_view(entry->d_name).starts_with("vcpu")) continue;
        const auto text = read_file(fmt::format("{}/{}/cpuacct.usage_percpu", folder, entry->d_name));
        if (!text) continue; // it has just gone
        const auto own = numbers(*text);
        sums.resize(std::max(sums.size(), own.size()));
        for (std::size_t i = 0; i < own.size(); ++i) sums[i] += own[i];
    }
    (void)::closedir(dir);
    return sums;
}

Status Limits::add_thread(Within where, std::int64_t tid) const {
    PV_ASSIGN_OR_RETURN(const cgroup::Group group, at(where));
    const Status added = group.add_thread(tid);
    if (!added && added.error().int1 == ESRCH) return {}; // it has gone
    return added;
}

void Limits::drop(Within where) const {
    for (const Controller c : {Controller::cpu, Controller::cpuacct, Controller::cpuset}) {
        const std::string folder = group_.folder(c);
        if (!folder.empty()) (void)::rmdir((folder + "/" + name_of(where)).c_str());
    }
}

} // namespace polyvirt::sdk
