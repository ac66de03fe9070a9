// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.native: where other drivers hand on words of their hypervisor, this one takes its guest's (guest_shell.h).

#include "domains.h"
#include "guest_shell.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

class Native : public Ops {
  public:
    using Ops::Ops;

    pv_status monitor_command(pv_call* call, const pv_obj* obj, const pv_dom_monitor_command_in& in, pv_dom_monitor_command_out& out) {
        const auto said = guest_command(driver_, Domains::of(obj), in.command);
        if (!said) return fail(call, said.error());
        return put(out.result, *said);
    }
    pv_status agent_command(pv_call* call, const pv_obj* obj, const pv_dom_agent_command_in& in, pv_dom_agent_command_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainAgentCommand"); !flags) return answer(call, flags);
        const auto said = guest_command(driver_, Domains::of(obj), in.command);
        if (!said) return fail(call, said.error());
        return put(out.result, *said);
    }
};

} // namespace

const void* dom_native_table() {
    static const auto table = make_table<pv_dom_native>([](auto& t) {
        t.monitor_command = op<"domain.monitor_command", &Native::monitor_command>;
        t.agent_command = op<"domain.agent_command", &Native::agent_command>;
    });
    return &table;
}

} // namespace polyvirt::test
