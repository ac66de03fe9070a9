// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/cases/walk.h"

#include "tools/conform/cases/cases.h"
#include "tools/conform/process_state.h"

namespace polyvirt::conform {

Walked walk_ops(Life& life, Scenario& scenario, const std::function<bool(const OpSpec&)>& fits, const std::function<std::vector<Arguments>(const OpSpec&)>& vary) {
    Walked walked;
    for (const OpSpec* op : in_order(life.ops())) {
        if (!fits(*op)) continue;
        bool usable = false;
        for (const Arguments& a : vary(*op)) {
            const ObjectPtr target = target_of(scenario, *op, usable); // anew: the last call may have ended it
            if (!usable) break;
            call_op(life, *op, target, a);
            ++walked.called;
        }
        if (!usable) walked.left_out.push_back(fmt::format("{}: {}", op->name, Scenario::lacks(op->target)));
    }
    for (const std::string& why : walked.left_out) log_text("left out: {}", why);
    return walked;
}

bool any_op(const OpSpec&) { return true; }
std::vector<Arguments> ordinary(const OpSpec&) { return {Arguments{}}; }

// The second round meets a domain that runs, if there are domains.
void walk(const Subject& subject) {
    const Address address = find_address(subject);
    const Census before = Census::take();
    Life life(subject, address.instance);
    life.begin();
    Scenario scenario(life);
    const Walked walked = walk_ops(life, scenario, any_op, ordinary);
    if (scenario.running_domain()) walk_ops(life, scenario, [](const OpSpec& op) { return op.target == PV_KIND_DOMAIN; }, ordinary);
    check_cloexec(before);
    life.close_client(1);
    settle(0, subject.patience);
    life.end();
    if (walked.called == 0) throw Skip{walked.left_out.empty() ? "it has no op" : walked.left_out.front()};
}

void ops_ordinary(const Subject& subject) { walk(subject); }

} // namespace polyvirt::conform
