// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/vcpus.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::sdk::domain {
namespace {

const IndividualVcpu* find(const Domain& d, std::uint32_t vcpu) {
    const auto found = std::find_if(d.vcpus.begin(), d.vcpus.end(), [vcpu](const IndividualVcpu& v) { return v.id == vcpu; });
    return found == d.vcpus.end() ? nullptr : &*found;
}

void count_again(Domain& d) {
    const auto on = static_cast<std::uint32_t>(
        std::count_if(d.vcpus.begin(), d.vcpus.end(), [](const IndividualVcpu& v) { return v.enabled == xml::YesNo::yes; }));
    d.vcpu.current = on;
    if (on == max_vcpus(d)) d.vcpu.current.reset();
}

} // namespace

std::uint32_t max_vcpus(const Domain& d) { return d.vcpu.max.value_or(1); }
std::uint32_t online_vcpus(const Domain& d) { return d.vcpu.current.value_or(max_vcpus(d)); }

bool is_online(const Domain& d, std::uint32_t vcpu) {
    if (vcpu >= max_vcpus(d)) return false;
    if (const IndividualVcpu* one = find(d, vcpu)) return one->enabled == xml::YesNo::yes;
    return vcpu < online_vcpus(d);
}

void list_vcpus(Domain& d) {
    std::vector<IndividualVcpu> all;
    for (std::uint32_t i = 0; i < max_vcpus(d); ++i) {
        const IndividualVcpu* one = find(d, i);
        const bool on = is_online(d, i);
        all.push_back(one != nullptr ? *one
                                     : IndividualVcpu{.id = i,
                                                      .enabled = on ? xml::YesNo::yes : xml::YesNo::no,
                                                      .hotpluggable = on ? xml::YesNo::no : xml::YesNo::yes,
                                                      .order = {}});
    }
    d.vcpus = std::move(all);
    count_again(d);
}

void set_online_vcpus(Domain& d, std::uint32_t count, bool hotpluggable) {
    count = std::clamp<std::uint32_t>(count, 1, max_vcpus(d));
    if (count == online_vcpus(d)) return;
    if (d.vcpus.empty() && !hotpluggable) {
        d.vcpu.current = count;
        if (count == max_vcpus(d)) d.vcpu.current.reset();
        return;
    }
    list_vcpus(d);
    std::uint32_t now = online_vcpus(d);
    for (IndividualVcpu& v : d.vcpus) v.order.reset();
    for (auto v = d.vcpus.begin(); v != d.vcpus.end() && now < count; ++v) {
        if (v->enabled == xml::YesNo::yes) continue;
        v->enabled = xml::YesNo::yes;
        v->hotpluggable = hotpluggable ? xml::YesNo::yes : xml::YesNo::no;
        ++now;
    }
    for (auto v = d.vcpus.rbegin(); v != d.vcpus.rend() && now > count; ++v) {
        if (v->enabled != xml::YesNo::yes) continue;
        v->enabled = xml::YesNo::no;
        v->hotpluggable = xml::YesNo::yes;
        --now;
    }
    count_again(d);
}

void set_max_vcpus(Domain& d, std::uint32_t count) {
    const std::uint32_t now = online_vcpus(d);
    const bool listed = !d.vcpus.empty();
    d.vcpu.max = std::max<std::uint32_t>(count, 1);
    std::erase_if(d.vcpus, [&](const IndividualVcpu& v) { return v.id.value_or(0) >= max_vcpus(d); });
    d.vcpu.current = std::min(now, max_vcpus(d));
    if (listed) {
        for (IndividualVcpu& v : d.vcpus) v.order.reset();
        // Those that are new are off.
        for (std::uint32_t i = 0; i < max_vcpus(d); ++i)
            if (find(d, i) == nullptr) d.vcpus.push_back({.id = i, .enabled = xml::YesNo::no, .hotpluggable = xml::YesNo::yes, .order = {}});
        return count_again(d);
    }
    if (d.vcpu.current == max_vcpus(d)) d.vcpu.current.reset();
}

void set_vcpu_online(Domain& d, std::uint32_t vcpu, bool on) {
    list_vcpus(d);
    for (IndividualVcpu& v : d.vcpus) {
        v.order.reset();
        if (v.id != vcpu) continue;
        v.enabled = on ? xml::YesNo::yes : xml::YesNo::no;
        v.hotpluggable = xml::YesNo::yes;
    }
    count_again(d);
}

Status check_vcpu_switch(const Domain& d, const xml::CpuSet& set, ErrorDomain from) {
    if (set.contains(0)) return make_error(ErrorCode::invalid_arg, from, "vCPU '0' can't be modified");
    for (const auto& [first, last] : set.ranges)
        if (last >= max_vcpus(d))
            return make_error(ErrorCode::invalid_arg, from, "vcpu {} is not present in persistent config", std::max(first, max_vcpus(d)));
    // The guest starts with those that cannot be plugged in, which are the first ones.
    const std::uint32_t lowest = set.ranges.empty() ? 0 : set.ranges.front().first;
    for (std::uint32_t i = lowest + 1; i < max_vcpus(d); ++i) {
        const IndividualVcpu* one = find(d, i);
        const bool fixed = is_online(d, i) && (one == nullptr || one->hotpluggable != xml::YesNo::yes);
        if (fixed && !set.contains(i))
            return make_error(ErrorCode::invalid_arg, from, "vcpu '{}' can't be modified as it is followed by non-hotpluggable online vcpus", lowest);
    }
    return {};
}

} // namespace polyvirt::sdk::domain
