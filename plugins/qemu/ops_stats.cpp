// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.stats: what can be told without asking the guest.

#include <cstdio>

#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "driver.h"
#include "run.h"
#include "taint.h"

#include <fcntl.h>

namespace polyvirt::qemu {
namespace {

// User and system time of a process, in ns; 0 if it has gone.
std::uint64_t cpu_time(std::int64_t pid) {
    const UniqueFd fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return 0;
    char text[1024];
    const ssize_t n = ::read(fd.get(), text, sizeof text - 1);
    if (n <= 0) return 0;
    text[n] = '\0';
    // The name, in parentheses, may hold anything; the fields after its end are numbers.
    const std::string_view all(text, static_cast<std::size_t>(n));
    const std::size_t name_end = all.rfind(')');
    if (name_end == std::string_view::npos) return 0;
    unsigned long long user = 0, system = 0;
    if (std::sscanf(text + name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return 0;
    static const auto ticks = static_cast<unsigned long long>(::sysconf(_SC_CLK_TCK));
    return (user + system) * (1'000'000'000ULL / ticks);
}

} // namespace

pv_status Driver::info(pv_call* call, const pv_obj* obj, const pv_dom_info_in&, pv_dom_info_out& out) {
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    std::int64_t pid = 0;
    {
        const ObjectLock lock(guest->mu);
        summary = guest->summary();
        out.state = guest->state;
        if (guest->run) pid = guest->run->pid();
    }
    if (!summary) return answer(call, no_domain(*guest));
    out.max_memory = summary->memory;
    out.memory = summary->current_memory;
    out.vcpus = summary->vcpus;
    out.cpu_time = pid > 0 ? cpu_time(pid) : 0;
    return PV_OK;
}

pv_status Driver::control_info(pv_call* call, const pv_obj* obj, const pv_dom_control_info_in& in,
                               pv_dom_control_info_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetControlInfo"); !flags) return answer(call, flags);
    if (const auto run = run_of(*guest_of(obj)); !run) return answer(call, run.error());
    out.state = 0;
    out.details = 0;
    out.state_time = 0;
    return PV_OK;
}

pv_status Driver::messages(pv_call* call, const pv_obj* obj, const pv_dom_messages_in& in, pv_dom_messages_out& out) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_MESSAGE_DEPRECATION | PV_DOMAIN_MESSAGE_TAINTING;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainGetMessages"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::optional<sdk::domain::Summary> summary;
    std::uint32_t taints = 0;
    {
        const ObjectLock lock(guest->mu);
        summary = guest->summary();
        taints = guest->taints;
    }
    if (!summary) return answer(call, no_domain(*guest));
    if (in.flags == PV_DOMAIN_MESSAGE_DEPRECATION) return PV_OK;
    for (const std::string& text : taint_messages(taints)) s_.build->add_string(out.messages, ("tainted: " + text).c_str());
    for (const std::string& note : summary->notes) s_.build->add_string(out.messages, ("ignored configuration: " + note).c_str());
    return PV_OK;
}

} // namespace polyvirt::qemu
