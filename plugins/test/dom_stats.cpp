// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.stats: what can be told of a domain. Figures grow with the host's clock, as if the guest were busy.

#include "domains.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

class Stats : public Ops {
  public:
    using Ops::Ops;

    pv_status info(pv_call* call, const pv_obj* obj, const pv_dom_info_in&, pv_dom_info_out& out) {
        const GuestPtr guest = Domains::of(obj);
        DocumentPtr document;
        {
            const ObjectLock lock(guest->mu);
            document = guest->current();
            out.state = guest->state;
        }
        if (!document) return fail(call, no_domain(*guest));
        out.max_memory = document->memory.value_or(0);
        out.memory = document->current_memory.value_or(out.max_memory);
        out.vcpus = document->vcpu.current.value_or(document->vcpu.max.value_or(1));
        out.cpu_time = static_cast<std::uint64_t>(s_.loop->now_ns(s_.host));
        return PV_OK;
    }
    pv_status control_info(pv_call* call, const pv_obj* obj, const pv_dom_control_info_in& in, pv_dom_control_info_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetControlInfo"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return fail(call, not_running());
        out.state = PV_DOMAIN_CONTROL_OK;
        return PV_OK;
    }
};

} // namespace

const void* dom_stats_table() {
    static const auto table = make_table<pv_dom_stats>([](auto& t) {
        t.info = op<"domain.info", &Stats::info>;
        t.control_info = op<"domain.control_info", &Stats::control_info>;
    });
    return &table;
}

} // namespace polyvirt::test
