// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "fault_events.h"

#include <algorithm>
#include <memory>

#include "faults.h"

namespace polyvirt::test {
namespace {

constexpr std::int64_t kTick = 10 * kMillisecond;
constexpr std::uint32_t kTicksPerSecond = 100;

template <typename Payload> Payload sized() {
    Payload p{};
    p.size = sizeof p;
    return p;
}

struct StormRow {
    std::string_view event; // as `virsh event --list` names it
    void (*post)(Domains&, const Guest&, std::uint32_t number);
};
// PV_NO_TSA: the guest's lock is held by blow(), which a table of functions cannot say.
constexpr StormRow kStorms[] = {
    {"lifecycle",
     [](Domains& d, const Guest& g, std::uint32_t n) PV_NO_TSA { // in turn, as of a guest that cannot decide
         if (n % 2 == 0) d.post_lifecycle(g, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_PAUSED);
         else d.post_lifecycle(g, PV_DOMAIN_EVENT_RESUMED, PV_DOMAIN_EVENT_RESUMED_UNPAUSED);
     }},
    {"reboot", [](Domains& d, const Guest& g, std::uint32_t) PV_NO_TSA { d.post(g, PV_EVENT_DOMAIN_REBOOT, nullptr); }},
    {"rtc-change",
     [](Domains& d, const Guest& g, std::uint32_t n) PV_NO_TSA {
         auto payload = sized<pv_event_domain_rtc_change>();
         payload.offset = n; // the number of the event, so that a client can see whether it got all of them
         d.post(g, PV_EVENT_DOMAIN_RTC_CHANGE, &payload);
     }},
    {"balloon-change",
     [](Domains& d, const Guest& g, std::uint32_t n) PV_NO_TSA {
         auto payload = sized<pv_event_domain_balloon_change>();
         payload.actual = n;
         d.post(g, PV_EVENT_DOMAIN_BALLOON_CHANGE, &payload);
     }},
    {"watchdog",
     [](Domains& d, const Guest& g, std::uint32_t) PV_NO_TSA {
         auto payload = sized<pv_event_domain_watchdog>();
         d.post(g, PV_EVENT_DOMAIN_WATCHDOG, &payload);
     }},
};

const StormRow* find_storm(std::string_view event) {
    const auto found = std::find_if(std::begin(kStorms), std::end(kStorms), [&](const StormRow& row) { return row.event == event; });
    return found == std::end(kStorms) ? nullptr : found;
}

// What a driver asks its hypervisor for: all of it fails when nobody answers any more.
constexpr std::string_view kThroughMonitor[] = {
    "domain.suspend",      "domain.resume",        "domain.shutdown",     "domain.reboot",      "domain.reset",
    "domain.pm_suspend",   "domain.pm_wakeup",     "domain.inject_nmi",   "domain.send_key",    "domain.set_memory",
    "domain.set_vcpus",    "domain.attach_device", "domain.detach_device", "domain.update_device", "domain.memory_stats",
    "domain.block_stats",  "domain.block_stats_params", "domain.block_resize", "domain.block_pull", "domain.block_copy",
    "domain.save",         "domain.managed_save",  "domain.core_dump",    "domain.screenshot",  "domain.monitor_command",
    "snapshot.create_xml", "snapshot.revert",      "checkpoint.create_xml"};

void lose_monitor(Driver& driver, Guest& guest) PV_REQUIRES(guest.mu) {
    guest.inside.monitor_lost = true;
    FaultSet lost = guest.faults;
    for (const std::string_view name : kThroughMonitor) {
        FaultRule rule;
        rule.op = name;
        rule.message = fmt::format("the monitor of domain '{}' is lost", guest.name);
        lost.errors.push_back(std::move(rule));
    }
    driver.faults().declare(guest.handle, lost);
    auto payload = sized<pv_event_domain_control_error>();
    driver.domains().post(guest, PV_EVENT_DOMAIN_CONTROL_ERROR, &payload);
}

struct Storm {
    std::uint32_t sent = 0, count = 0, per_tick = 0;
};

// One tick: some more events, or the end.
void blow(Driver& driver, const std::weak_ptr<Guest>& weak, const StormRow& row, Storm& storm) {
    const GuestPtr guest = weak.lock();
    if (!guest) return;
    const ObjectLock lock(guest->mu);
    if (!guest->active() || guest->removed) return;
    for (std::uint32_t i = 0; i < storm.per_tick && storm.sent < storm.count; ++i) row.post(driver.domains(), *guest, storm.sent++);
}

} // namespace

std::string complain_of_storm(std::string_view event) {
    if (find_storm(event) != nullptr) return {};
    std::string names;
    for (const StormRow& row : kStorms) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", row.event);
    return fmt::format("found event '{}', expected one of {}", event, names);
}

void begin_fault_events(Driver& driver, Guest& guest) {
    end_fault_events(driver, guest);
    if (!guest.active()) return;
    const std::weak_ptr<Guest> weak = guest.weak_from_this();
    for (const EventStorm& declared : guest.faults.storms) {
        const StormRow* const row = find_storm(declared.event);
        if (row == nullptr) continue; // refused when it was read
        auto storm = std::make_shared<Storm>();
        storm->count = declared.count.value_or(1000);
        storm->per_tick = declared.per_second ? std::max(1U, *declared.per_second / kTicksPerSecond) : storm->count;
        guest.timers.push_back(driver.loop().timer(kTick, kTick, [&driver, weak, row, storm] { blow(driver, weak, *row, *storm); }));
    }
    if (!guest.faults.monitor) return;
    const std::int64_t after = std::int64_t{guest.faults.monitor->after_ms.value_or(0)} * kMillisecond;
    guest.timers.push_back(driver.loop().timer(after, 0, [&driver, weak] {
        const GuestPtr still = weak.lock();
        if (!still) return;
        const ObjectLock lock(still->mu);
        if (still->active() && !still->removed) lose_monitor(driver, *still);
    }));
}

void end_fault_events(Driver& driver, Guest& guest) {
    guest.timers.clear();
    if (guest.inside.monitor_lost) driver.faults().declare(guest.handle, guest.faults);
    guest.inside.monitor_lost = false;
}

} // namespace polyvirt::test
