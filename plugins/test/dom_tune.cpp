// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.tune: memory and the number of processors; the other sources have the rest of the table.

#include "dom_tune.h"

#include "domains.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

constexpr std::uint32_t kMaxVcpus = 32; // what capabilities say

std::uint32_t max_of(const Domain& d) { return d.vcpu.max.value_or(1); }

// A document lists the processors of a domain one by one, or only tells their number.
void set_count(Domain& d, std::uint32_t count) {
    d.vcpu.current = count;
    if (count == max_of(d)) d.vcpu.current.reset();
    d.vcpus.clear();
}

class Tune : public Ops {
  public:
    using Ops::Ops;

    pv_status max_memory(pv_call* call, const pv_obj* obj, const pv_dom_max_memory_in&, pv_dom_max_memory_out& out) {
        const auto document = pick(obj, 0);
        if (!document) return fail(call, document.error());
        out.memory = (*document)->memory.value_or(0);
        return PV_OK;
    }

    pv_status set_memory(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_in& in, pv_dom_set_memory_out&) {
        if (const Status flags = check_flags(in.flags, kAffect | PV_DOMAIN_MEM_MAXIMUM, "testDomainSetMemoryFlags"); !flags)
            return answer(call, flags);
        if (in.memory == 0) return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "memory in virDomainSetMemory must not be zero"));
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "set memory",
                              [&domains, kib = in.memory, flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                  return apply_memory(domains, guest, kib, flags);
                              });
    }

    pv_status vcpus_count(pv_call* call, const pv_obj* obj, const pv_dom_vcpus_count_in& in, pv_dom_vcpus_count_out& out) {
        if (const Status flags = check_flags(in.flags, kAffect | PV_DOMAIN_VCPU_MAXIMUM | PV_DOMAIN_VCPU_GUEST, "testDomainGetVcpusFlags");
            !flags)
            return answer(call, flags);
        const auto document = pick(obj, in.flags);
        if (!document) return fail(call, document.error());
        const std::uint32_t max = max_of(**document);
        out.count = static_cast<std::int32_t>((in.flags & PV_DOMAIN_VCPU_MAXIMUM) != 0 ? max : (*document)->vcpu.current.value_or(max));
        return PV_OK;
    }

    pv_status set_vcpus(pv_call* call, const pv_obj* obj, const pv_dom_set_vcpus_in& in, pv_dom_set_vcpus_out&) {
        if (const Status flags = check_flags(in.flags, kAffect | PV_DOMAIN_VCPU_MAXIMUM | PV_DOMAIN_VCPU_GUEST | PV_DOMAIN_VCPU_HOTPLUGGABLE,
                                             "testDomainSetVcpusFlags");
            !flags)
            return answer(call, flags);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "set vcpus",
                              [&domains, count = in.count, flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                  return apply_vcpus(domains, guest, count, flags);
                              });
    }

    pv_status set_vcpu(pv_call* call, const pv_obj* obj, const pv_dom_set_vcpu_in& in, pv_dom_set_vcpu_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetVcpu"); !flags) return answer(call, flags);
        const auto set = sdk::xml::CpuSet::parse(in.cpumap);
        if (!set || set->empty())
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found vcpu list '{}', expected one like '0-3,^2'", in.cpumap));
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "set vcpu",
                              [&domains, set = *set, on = in.state != 0, flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                  return domains.edit(guest, flags, [&](Domain& d) { return switch_vcpus(d, set, on); });
                              });
    }

  private:
    Result<DocumentPtr> pick(const pv_obj* obj, std::uint32_t flags) const {
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        return driver_.domains().pick(*guest, flags & kAffect);
    }

    static Status apply_memory(Domains& domains, Guest& guest, std::uint64_t kib, std::uint32_t flags) PV_REQUIRES(guest.mu) {
        const bool maximum = (flags & PV_DOMAIN_MEM_MAXIMUM) != 0;
        const bool live = guest.active() && (flags & PV_DOMAIN_AFFECT_CONFIG) == 0;
        if (maximum && (live || (flags & PV_DOMAIN_AFFECT_LIVE) != 0))
            return invalid("cannot resize the maximum memory on an active domain");
        PV_TRY(domains.edit(guest, flags & kAffect, [&](Domain& d) -> Status {
            if (maximum) {
                d.memory = kib;
                if (d.current_memory.value_or(kib) > kib) d.current_memory = kib;
                return {};
            }
            if (kib > d.memory.value_or(0))
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "cannot set memory higher than max memory");
            d.current_memory = kib;
            return {};
        }));
        if (maximum || !guest.active() || (flags & kAffect) == PV_DOMAIN_AFFECT_CONFIG) return {};
        pv_event_domain_balloon_change payload{};
        payload.size = sizeof payload;
        payload.actual = kib;
        domains.post(guest, PV_EVENT_DOMAIN_BALLOON_CHANGE, &payload);
        return {};
    }

    static Status apply_vcpus(Domains& domains, Guest& guest, std::uint32_t count, std::uint32_t flags) PV_REQUIRES(guest.mu) {
        const bool maximum = (flags & PV_DOMAIN_VCPU_MAXIMUM) != 0;
        if (count == 0 || count > kMaxVcpus)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "requested cpu amount exceeds maximum supported amount ({} > {})",
                              count, kMaxVcpus);
        const bool live = (flags & PV_DOMAIN_AFFECT_LIVE) != 0 || (guest.active() && (flags & PV_DOMAIN_AFFECT_CONFIG) == 0);
        if (maximum && live) return invalid("cannot adjust maximum vcpus on running domain");
        // The persistent description's maximum bounds the running guest as well.
        const std::uint32_t bound = live && guest.config ? max_of(*guest.config) : kMaxVcpus;
        return domains.edit(guest, flags & kAffect, [&](Domain& d) -> Status {
            if (maximum) {
                const std::uint32_t now = d.vcpu.current.value_or(max_of(d));
                d.vcpu.max = count;
                set_count(d, std::min(now, count));
                return {};
            }
            const std::uint32_t limit = std::min(max_of(d), bound);
            if (count > limit)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "requested cpu amount exceeds maximum ({} > {})", count, limit);
            set_count(d, count);
            return {};
        });
    }

    // The document knows only how many are on, so those that are switched are counted.
    static Status switch_vcpus(Domain& d, const sdk::xml::CpuSet& set, bool on) {
        const std::uint32_t max = max_of(d);
        std::uint32_t count = d.vcpu.current.value_or(max);
        for (std::uint32_t i = 0; i < sdk::xml::CpuSet::kMax; ++i) {
            if (!set.contains(i)) continue;
            if (i >= max)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "vcpu {} is out of range, expected 0 to {}", i, max - 1);
            if (i == 0 && !on) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "vcpu '0' can't be modified");
            if (on && i >= count) ++count;
            if (!on && i < count) --count;
        }
        set_count(d, std::clamp(count, 1U, max));
        return {};
    }
};

} // namespace

const void* dom_tune_table() {
    static const auto table = make_table<pv_dom_tune>([](auto& t) {
        t.max_memory = op<"domain.max_memory", &Tune::max_memory>;
        t.set_memory = op<"domain.set_memory", &Tune::set_memory>;
        t.vcpus_count = op<"domain.vcpus_count", &Tune::vcpus_count>;
        t.set_vcpus = op<"domain.set_vcpus", &Tune::set_vcpus>;
        t.set_vcpu = op<"domain.set_vcpu", &Tune::set_vcpu>;
        fill_pins(t);
        fill_params(t);
    });
    return &table;
}

} // namespace polyvirt::test
