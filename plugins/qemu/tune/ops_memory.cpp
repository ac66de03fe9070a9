// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How much memory a guest has: its balloon, and what it is defined with.

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Memballoon;

Error not_now(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); }

Status edit_maximum(Domain& d, std::uint64_t kib) {
    if (d.cpu && !d.cpu->numa.empty())
        return not_now("initial memory size of a domain with NUMA nodes cannot be modified with this API");
    if (d.max_memory && *d.max_memory < kib) return wrong_argument("cannot set initial memory size greater than the maximum memory size");
    d.memory = kib;
    if (d.current_memory.value_or(0) > kib) d.current_memory = kib;
    return {};
}

} // namespace

pv_status TuneOps::max_memory(pv_call* call, const pv_obj* obj, const pv_dom_max_memory_in&, pv_dom_max_memory_out& out) {
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

pv_status TuneOps::set_memory(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_in& in, pv_dom_set_memory_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG | PV_DOMAIN_MEM_MAXIMUM;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainSetMemoryFlags"); !flags) return answer(call, flags);
    if (in.memory == 0)
        return answer(call, Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::domain,
                                  .message = "memory in virDomainSetMemoryFlags must not be zero"});
    const std::uint64_t kib = in.memory;
    const bool maximum = (in.flags & PV_DOMAIN_MEM_MAXIMUM) != 0;
    Change change;
    change.edit = [kib, maximum](Domain& d, bool live) -> Status {
        if (maximum) {
            if (live) return not_now("cannot resize the maximum memory on an active domain");
            return edit_maximum(d, kib);
        }
        if (kib > d.memory.value_or(0)) return wrong_argument("cannot set memory higher than max memory");
        // A running guest's is what its balloon says; it may take its time, and need not give all.
        if (!live) d.current_memory = kib;
        return {};
    };
    change.live = [this, kib](const RunPtr& run, const auto&, const auto&) { return set_balloon(run, kib); };
    return apply(call, obj, in.flags & ~static_cast<std::uint32_t>(PV_DOMAIN_MEM_MAXIMUM), "set memory", std::move(change));
}

TuneOps::Task TuneOps::set_balloon(RunPtr run, std::uint64_t kib) {
    bool balloon = false;
    {
        const ObjectLock lock(run->guest()->mu);
        const std::shared_ptr<const Domain> live = run->guest()->live;
        balloon = live && live->devices.memballoon && live->devices.memballoon->model != "none";
    }
    if (!balloon) co_return not_now("Unable to change memory of active domain without the balloon device and guest OS balloon driver");
    Json arguments = {{"value", kib * 1024}};
    const auto done = co_await run->qmp("balloon", std::move(arguments));
    PV_CO_TRY(done);
    co_return Status{};
}

} // namespace polyvirt::qemu
