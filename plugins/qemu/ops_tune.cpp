// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.tune: how much of everything a domain may have. Reading alone, so far.

#include "base/error_text.h"
#include "driver.h"

namespace polyvirt::qemu {
namespace {

constexpr std::uint32_t kVcpuFlags =
    PV_DOMAIN_VCPU_LIVE | PV_DOMAIN_VCPU_CONFIG | PV_DOMAIN_VCPU_MAXIMUM | PV_DOMAIN_VCPU_GUEST;

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); }

} // namespace

pv_status Driver::max_memory(pv_call* call, const pv_obj* obj, const pv_dom_max_memory_in&, pv_dom_max_memory_out& out) {
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    {
        const ObjectLock lock(guest->mu);
        summary = guest->summary();
    }
    if (!summary) return answer(call, no_domain(*guest));
    out.memory = summary->memory;
    return PV_OK;
}

pv_status Driver::vcpus_count(pv_call* call, const pv_obj* obj, const pv_dom_vcpus_count_in& in, pv_dom_vcpus_count_out& out) {
    if (const Status flags = check_flags(in.flags, kVcpuFlags, "qemuDomainGetVcpusFlags"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    {
        const ObjectLock lock(guest->mu);
        const bool live = (in.flags & PV_DOMAIN_VCPU_LIVE) != 0, config = (in.flags & PV_DOMAIN_VCPU_CONFIG) != 0;
        if (live && !guest->active()) return answer(call, invalid("domain is not running"));
        if (config && !guest->config) return answer(call, invalid("transient domains do not have any persistent config"));
        summary = config ? guest->config->summary() : guest->summary();
    }
    if (!summary) return answer(call, no_domain(*guest));
    if ((in.flags & PV_DOMAIN_VCPU_GUEST) != 0)
        return answer(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "QEMU guest agent is not configured"));
    out.count = static_cast<std::int32_t>((in.flags & PV_DOMAIN_VCPU_MAXIMUM) != 0 ? summary->max_vcpus : summary->vcpus);
    return PV_OK;
}

} // namespace polyvirt::qemu
