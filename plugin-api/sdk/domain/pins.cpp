// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/pins.h"

#include <algorithm>

#include "sdk/xml/compare.h"

namespace polyvirt::sdk::domain {
namespace {

template <typename Pin> void put_pin(std::vector<Pin>& pins, Number Pin::*member, std::uint32_t id, const xml::CpuSet& set) {
    std::erase_if(pins, [&](const Pin& p) { return p.*member == id; });
    Pin pin;
    pin.*member = id;
    pin.cpuset = set;
    const auto after = std::find_if(pins.begin(), pins.end(), [&](const Pin& p) { return (p.*member).value_or(0) > id; });
    pins.insert(after, std::move(pin));
}
template <typename Pin> const xml::CpuSet* get_pin(const std::vector<Pin>& pins, Number Pin::*member, std::uint32_t id) {
    const auto found = std::find_if(pins.begin(), pins.end(), [&](const Pin& p) { return p.*member == id; });
    return found == pins.end() ? nullptr : &found->cpuset;
}
void edit(Domain& d, const std::function<void(Cputune&)>& change) {
    (void)edit_cputune(d, [&](Cputune& t) -> Status {
        change(t);
        return {};
    });
}

} // namespace

Status edit_cputune(Domain& d, const std::function<Status(Cputune&)>& edit) {
    Cputune tune = d.cputune.value_or(Cputune{});
    PV_TRY(edit(tune));
    d.cputune = xml::unless_blank(std::move(tune));
    return {};
}

xml::CpuSet vcpu_pin(const Domain& d, std::uint32_t vcpu) {
    const xml::CpuSet* const own = d.cputune ? get_pin(d.cputune->vcpupins, &VcpuPin::vcpu, vcpu) : nullptr;
    return own != nullptr ? *own : d.vcpu.cpuset;
}
xml::CpuSet emulator_pin(const Domain& d) {
    return d.cputune && d.cputune->emulatorpin ? d.cputune->emulatorpin->cpuset : d.vcpu.cpuset;
}
xml::CpuSet iothread_pin(const Domain& d, std::uint32_t id) {
    const xml::CpuSet* const own = d.cputune ? get_pin(d.cputune->iothreadpins, &IoThreadPin::iothread, id) : nullptr;
    return own != nullptr ? *own : d.vcpu.cpuset;
}
void set_vcpu_pin(Domain& d, std::uint32_t vcpu, const xml::CpuSet& set) {
    edit(d, [&](Cputune& t) { put_pin(t.vcpupins, &VcpuPin::vcpu, vcpu, set); });
}
void set_emulator_pin(Domain& d, const xml::CpuSet& set) {
    edit(d, [&](Cputune& t) { t.emulatorpin = EmulatorPin{set}; });
}
void set_iothread_pin(Domain& d, std::uint32_t id, const xml::CpuSet& set) {
    edit(d, [&](Cputune& t) { put_pin(t.iothreadpins, &IoThreadPin::iothread, id, set); });
}

const IoThread* find_iothread(const Domain& d, std::uint32_t id) {
    const auto found = std::find_if(d.iothread_ids.begin(), d.iothread_ids.end(), [id](const IoThread& t) { return t.id == id; });
    return found == d.iothread_ids.end() ? nullptr : &*found;
}
IoThread* find_iothread(Domain& d, std::uint32_t id) { return const_cast<IoThread*>(find_iothread(std::as_const(d), id)); }

void add_iothread(Domain& d, std::uint32_t id) {
    d.iothread_ids.emplace_back().id = id;
    d.iothreads = static_cast<std::uint32_t>(d.iothread_ids.size());
}
void del_iothread(Domain& d, std::uint32_t id) {
    // Those that are left keep their numbers, also where only their number was written.
    for (IoThread& t : d.iothread_ids) t.automatic = false;
    std::erase_if(d.iothread_ids, [id](const IoThread& t) { return t.id == id; });
    d.iothreads.reset();
    if (!d.iothread_ids.empty()) d.iothreads = static_cast<std::uint32_t>(d.iothread_ids.size());
    edit(d, [&](Cputune& t) {
        std::erase_if(t.iothreadpins, [&](const IoThreadPin& p) { return p.iothread == id; });
        std::erase_if(t.iothreadscheds, [&](const Scheduler& s) { return s.iothreads.ranges.size() == 1 && s.iothreads.size() == 1 && s.iothreads.contains(id); });
    });
}

} // namespace polyvirt::sdk::domain
