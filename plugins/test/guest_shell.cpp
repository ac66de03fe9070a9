// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "guest_shell.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/error_text.h"

namespace polyvirt::test {
namespace {

using Words = std::vector<std::string>;
using Run = Result<std::string> (*)(Domains&, Guest&, const Words&);

struct Command {
    std::string_view word, usage;
    std::size_t arguments; // at least
    Run run;               // under the guest's lock
};

Error wrong_argument(std::string_view found, std::string_view expected) {
    return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found '{}', expected {}", found, expected);
}

Result<std::int64_t> number(const std::string& text) {
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return wrong_argument(text, "a whole number");
    return value;
}

Result<std::int32_t> one_of(const std::string& text, std::initializer_list<std::string_view> names) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found != names.end()) return static_cast<std::int32_t>(found - names.begin());
    std::string all;
    for (const std::string_view name : names) all += fmt::format("{}{}", all.empty() ? "one of " : ", ", name);
    return wrong_argument(text, all);
}

Result<const sdk::domain::Disk*> disk(const Guest& g, const std::string& name) PV_REQUIRES(g.mu) { return find_disk(*g.live, name); }
std::string alias(const sdk::domain::Disk& d) { return d.info.alias.name.empty() ? d.target.dev : d.info.alias.name; }

template <typename Payload> Payload sized_event() {
    Payload p{};
    p.size = sizeof p;
    return p;
}

Result<std::string> poweroff(Domains& d, Guest& g, const Words&) PV_REQUIRES(g.mu) {
    d.set_state(g, PV_DOMAIN_SHUTDOWN, PV_DOMAIN_SHUTDOWN_USER);
    d.post_lifecycle(g, PV_DOMAIN_EVENT_SHUTDOWN, PV_DOMAIN_EVENT_SHUTDOWN_GUEST);
    d.halt(g, PV_DOMAIN_SHUTOFF_SHUTDOWN, PV_DOMAIN_EVENT_STOPPED_SHUTDOWN);
    return std::string("Power down.");
}

Result<std::string> reboot(Domains& d, Guest& g, const Words&) PV_REQUIRES(g.mu) {
    d.post(g, PV_EVENT_DOMAIN_REBOOT, nullptr);
    return std::string("Restarting system.");
}

// What happens then is the document's decision (<on_crash>).
Result<std::string> panic(Domains& d, Guest& g, const Words&) PV_REQUIRES(g.mu) {
    using sdk::domain::LifecycleAction;
    const LifecycleAction action = g.live->on_crash;
    d.set_state(g, PV_DOMAIN_CRASHED, PV_DOMAIN_CRASHED_PANICKED);
    d.post_lifecycle(g, PV_DOMAIN_EVENT_CRASHED, PV_DOMAIN_EVENT_CRASHED_PANICKED);
    if (action == LifecycleAction::restart || action == LifecycleAction::coredump_restart) {
        d.set_state(g, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_CRASHED);
        d.post(g, PV_EVENT_DOMAIN_REBOOT, nullptr);
    } else if (action != LifecycleAction::preserve && action != LifecycleAction::rename_restart) {
        d.halt(g, PV_DOMAIN_SHUTOFF_CRASHED, PV_DOMAIN_EVENT_STOPPED_CRASHED);
    }
    return std::string("Kernel panic - not syncing: asked for");
}

Result<std::string> rtc_change(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_rtc_change>();
    PV_ASSIGN_OR_RETURN(payload.offset, number(w[1]));
    d.post(g, PV_EVENT_DOMAIN_RTC_CHANGE, &payload);
    return std::string();
}

Result<std::string> watchdog(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_watchdog>();
    PV_ASSIGN_OR_RETURN(payload.action, one_of(w[1], {"none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi"}));
    if (payload.action == PV_DOMAIN_EVENT_WATCHDOG_PAUSE) {
        d.set_state(g, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_WATCHDOG);
        d.post_lifecycle(g, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_WATCHDOG);
    }
    d.post(g, PV_EVENT_DOMAIN_WATCHDOG, &payload);
    return std::string();
}

Result<std::string> io_error(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    PV_ASSIGN_OR_RETURN(const sdk::domain::Disk* const where, disk(g, w[1]));
    std::int32_t action = PV_DOMAIN_EVENT_IO_ERROR_REPORT;
    if (w.size() > 2) { PV_ASSIGN_OR_RETURN(action, one_of(w[2], {"none", "pause", "report"})); }
    const std::string path = source_of(*where), name = alias(*where);
    if (action == PV_DOMAIN_EVENT_IO_ERROR_PAUSE) {
        d.set_state(g, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_IOERROR);
        d.post_lifecycle(g, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_IOERROR);
    }
    auto payload = sized_event<pv_event_domain_io_error>();
    payload.src_path = path.c_str();
    payload.dev_alias = name.c_str();
    payload.action = action;
    d.post(g, PV_EVENT_DOMAIN_IO_ERROR, &payload);
    auto reason = sized_event<pv_event_domain_io_error_reason>();
    reason.src_path = path.c_str();
    reason.dev_alias = name.c_str();
    reason.action = action;
    reason.reason = "enospc";
    d.post(g, PV_EVENT_DOMAIN_IO_ERROR_REASON, &reason);
    return std::string();
}

Result<std::string> graphics(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_graphics>();
    PV_ASSIGN_OR_RETURN(payload.phase, one_of(w[1], {"connect", "initialize", "disconnect"}));
    payload.local_family = payload.remote_family = PV_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV4;
    payload.local_node = payload.remote_node = "127.0.0.1";
    payload.local_service = "5900";
    payload.remote_service = "40000";
    payload.auth_scheme = "none";
    d.post(g, PV_EVENT_DOMAIN_GRAPHICS, &payload);
    return std::string();
}

Result<std::string> disk_change(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    PV_ASSIGN_OR_RETURN(const sdk::domain::Disk* const where, disk(g, w[1]));
    const std::string path = source_of(*where), name = alias(*where);
    auto payload = sized_event<pv_event_domain_disk_change>();
    payload.old_src_path = path.c_str();
    payload.dev_alias = name.c_str();
    payload.reason = PV_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START;
    d.post(g, PV_EVENT_DOMAIN_DISK_CHANGE, &payload);
    return std::string();
}

Result<std::string> tray(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    PV_ASSIGN_OR_RETURN(const sdk::domain::Disk* const where, disk(g, w[1]));
    const std::string name = alias(*where);
    auto payload = sized_event<pv_event_domain_tray_change>();
    PV_ASSIGN_OR_RETURN(payload.reason, one_of(w[2], {"open", "close"}));
    payload.dev_alias = name.c_str();
    d.post(g, PV_EVENT_DOMAIN_TRAY_CHANGE, &payload);
    return std::string();
}

Result<std::string> agent(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_agent_lifecycle>();
    PV_ASSIGN_OR_RETURN(const std::int32_t which, one_of(w[1], {"connected", "disconnected"}));
    payload.state = which + 1;
    payload.reason = 2; // the channel's
    d.post(g, PV_EVENT_DOMAIN_AGENT_LIFECYCLE, &payload);
    return std::string();
}

Result<std::string> block_threshold(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    PV_ASSIGN_OR_RETURN(const sdk::domain::Disk* const where, disk(g, w[1]));
    const std::string path = source_of(*where);
    const auto set = g.inside.thresholds.find(where->target.dev);
    if (set == g.inside.thresholds.end()) return invalid(fmt::format("no threshold is set on '{}'", where->target.dev));
    auto payload = sized_event<pv_event_domain_block_threshold>();
    payload.dev = where->target.dev.c_str();
    payload.path = path.c_str();
    payload.threshold = set->second;
    payload.excess = 4096;
    d.post(g, PV_EVENT_DOMAIN_BLOCK_THRESHOLD, &payload);
    g.inside.thresholds.erase(set); // it is told once
    return std::string();
}

Result<std::string> memory_failure(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_memory_failure>();
    payload.recipient = PV_DOMAIN_EVENT_MEMORY_FAILURE_RECIPIENT_GUEST;
    PV_ASSIGN_OR_RETURN(payload.action, one_of(w[1], {"ignore", "inject", "fatal", "reset"}));
    d.post(g, PV_EVENT_DOMAIN_MEMORY_FAILURE, &payload);
    return std::string();
}

Result<std::string> memory_device(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_memory_device_size_change>();
    payload.alias = w[1].c_str();
    PV_ASSIGN_OR_RETURN(const std::int64_t size, number(w[2]));
    payload.new_size = static_cast<std::uint64_t>(size);
    d.post(g, PV_EVENT_DOMAIN_MEMORY_DEVICE_SIZE_CHANGE, &payload);
    return std::string();
}

Result<std::string> removal_failed(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_device_removal_failed>();
    payload.dev_alias = w[1].c_str();
    d.post(g, PV_EVENT_DOMAIN_DEVICE_REMOVAL_FAILED, &payload);
    return std::string();
}

Result<std::string> migration_iteration(Domains& d, Guest& g, const Words& w) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_migration_iteration>();
    PV_ASSIGN_OR_RETURN(const std::int64_t iteration, number(w[1]));
    payload.iteration = static_cast<std::int32_t>(iteration);
    d.post(g, PV_EVENT_DOMAIN_MIGRATION_ITERATION, &payload);
    return std::string();
}

Result<std::string> control_error(Domains& d, Guest& g, const Words&) PV_REQUIRES(g.mu) {
    auto payload = sized_event<pv_event_domain_control_error>();
    d.post(g, PV_EVENT_DOMAIN_CONTROL_ERROR, &payload);
    return std::string();
}

Result<std::string> echo(Domains&, Guest&, const Words& w) {
    std::string text;
    for (std::size_t i = 1; i < w.size(); ++i) text += fmt::format("{}{}", i > 1 ? " " : "", w[i]);
    return text;
}

Result<std::string> hostname(Domains&, Guest&, const Words&) { return std::string("testhost"); }

constexpr Command kCommands[] = {
    {"echo", "echo TEXT", 0, echo},
    {"hostname", "hostname", 0, hostname},
    {"poweroff", "poweroff", 0, poweroff},
    {"reboot", "reboot", 0, reboot},
    {"panic", "panic", 0, panic},
    {"rtc-change", "rtc-change SECONDS", 1, rtc_change},
    {"watchdog", "watchdog none|pause|reset|poweroff|shutdown|debug|inject-nmi", 1, watchdog},
    {"io-error", "io-error DISK [none|pause|report]", 1, io_error},
    {"graphics", "graphics connect|initialize|disconnect", 1, graphics},
    {"disk-change", "disk-change DISK", 1, disk_change},
    {"tray-change", "tray-change DISK open|close", 2, tray},
    {"agent", "agent connected|disconnected", 1, agent},
    {"block-threshold", "block-threshold DISK", 1, block_threshold},
    {"memory-failure", "memory-failure ignore|inject|fatal|reset", 1, memory_failure},
    {"memory-device", "memory-device ALIAS KIB", 2, memory_device},
    {"removal-failed", "removal-failed ALIAS", 1, removal_failed},
    {"migration-iteration", "migration-iteration NUMBER", 1, migration_iteration},
    {"control-error", "control-error", 0, control_error},
};

std::string usage() {
    std::string text;
    for (const Command& c : kCommands) text += fmt::format("{}{}", text.empty() ? "" : "; ", c.usage);
    return text;
}

} // namespace

Result<std::string> guest_command(Driver& driver, const GuestPtr& guest, std::string_view line) {
    Words words;
    while (!line.empty()) {
        const std::size_t begin = line.find_first_not_of(" \t\r\n");
        if (begin == std::string_view::npos) break;
        const std::size_t end = std::min(line.find_first_of(" \t\r\n", begin), line.size());
        words.emplace_back(line.substr(begin, end - begin));
        line.remove_prefix(end);
    }
    if (words.empty()) return std::string();
    if (words[0] == "help") return usage();
    const auto found = std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& c) { return c.word == words[0]; });
    if (found == std::end(kCommands))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found command '{}', expected one of: {}", words[0], usage());
    if (words.size() <= found->arguments) return wrong_argument(words[0], found->usage);
    Result<std::string> answer = std::string();
    {
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return not_running();
        answer = found->run(driver.domains(), *guest, words);
    }
    driver.domains().drop_if_over(guest);
    return answer;
}

} // namespace polyvirt::test
