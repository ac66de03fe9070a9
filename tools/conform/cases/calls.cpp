// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Calls that go on, end early, and run side by side.

#include "tools/conform/cases/cases.h"
#include "tools/conform/cases/walk.h"

namespace polyvirt::conform {
namespace {

bool ends_something(const OpSpec& op) {
    const std::string_view n = op.slot_name();
    return n == "destroy" || n == "undefine" || n == "remove" || n == "shutdown" || n == "abort_job";
}

} // namespace

void calls_cancel(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    std::size_t pending = 0;
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        for (const bool before : {false, true}) {
            const ObjectPtr target = target_of(scenario, *op, usable);
            if (!usable) break;
            step("{}, cancelled {}", op->name, before ? "before it is entered" : "while it runs");
            Flight flight(life, *op, target, {});
            if (before) cancel_call(flight.call());
            flight.begin();
            if (!before) settle_until([](const void* c) { return static_cast<const pv_call*>(c)->returned; }, flight.call(), 0, 2);
            if (const Ended e = flight.now(); e.returned && !e.done) ++pending;
            if (!before) cancel_call(flight.call());
            const Ended e = flight.finish();
            if (!e.returned) {
                // Who blocks his worker is freed by what is delivered beside him, as in ops.ordinary.
                for (const char* name : {"dom_job.abort_job", "dom_lifecycle.destroy"})
                    if (const OpSpec* helper = find_op(name); !flight.now().returned && target && target->kind == helper->target && life.slot(*helper) != nullptr)
                        call_op(life, *helper, target);
                flight.finish();
                break;
            }
            if (!e.done && op->cancels) complain("calls.cancel", "{}: it ends with its client, says its header, and goes on when cancelled", op->name);
        }
    }
    life.end();
    fact("pending", pending > 0 ? "some ops complete later" : "every op returns its result");
}

// Life::stop() judges.
void calls_pending(const Subject& subject) {
    const Address address = find_address(subject);
    Life life(subject, address.instance);
    life.begin();
    Scenario scenario(life);
    std::vector<std::unique_ptr<Flight>> flights;
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        const ObjectPtr target = target_of(scenario, *op, usable);
        if (!usable || ends_something(*op)) continue;
        step("{}, left alone", op->name);
        flights.push_back(std::make_unique<Flight>(life, *op, target, Arguments{}));
        flights.back()->begin();
        settle_until([](const void* c) { return static_cast<const pv_call*>(c)->returned; }, flights.back()->call(), 0, subject.patience);
        if (flights.back()->now().returned) continue;
        // Hosts never stop a plugin while a worker is inside.
        for (const char* name : {"dom_job.abort_job", "dom_lifecycle.destroy"})
            if (const OpSpec* helper = find_op(name); !flights.back()->now().returned && target && target->kind == helper->target && life.slot(*helper) != nullptr)
                call_op(life, *helper, target);
        if (!flights.back()->finish().returned) complain("ops.ordinary", "{}: it does not return", op->name);
    }
    life.end();
}

// What a host lets run at once: all with a parallel plugin; else one per object, and what is delivered at any time.
void calls_beside(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    const std::uint32_t model = life.plugin().concurrency;
    constexpr int kAtOnce = 6;
    std::size_t rounds = 0;
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        const ObjectPtr target = target_of(scenario, *op, usable);
        if (!usable || ends_something(*op)) continue;
        std::vector<ObjectPtr> targets;
        if (model == PV_CONCURRENCY_PARALLEL) targets.assign(kAtOnce, target);
        else if (model == PV_CONCURRENCY_SERIAL_PER_OBJECT && target) targets = objects_of(life.host(), op->target);
        if (targets.size() > kAtOnce) targets.resize(kAtOnce);
        if (targets.size() < 2) continue;
        ++rounds;
        step("{}, {} at once", op->name, targets.size());
        std::vector<std::unique_ptr<Flight>> flights;
        for (const ObjectPtr& t : targets) flights.push_back(std::make_unique<Flight>(life, *op, t, Arguments{}));
        for (const auto& f : flights) f->begin();
        bool hang = false;
        for (const auto& f : flights) hang |= !f->finish().returned;
        if (hang && target)
            for (const char* name : {"dom_job.abort_job", "dom_lifecycle.destroy"})
                if (const OpSpec* helper = find_op(name); helper->target == target->kind && life.slot(*helper) != nullptr)
                    for (const ObjectPtr& t : targets) call_op(life, *helper, t);
        for (const auto& f : flights)
            if (!f->finish().returned) complain("calls.beside", "{}: {} at once do not return", op->name, targets.size());
    }
    life.end();
    if (rounds == 0) throw Skip{model == PV_CONCURRENCY_SERIAL_ALL ? "the plugin has one op at a time" : "there are no two objects on which ops could run at once"};
}

// --- locks of plugins that the rank byte does not see ------------------------------------------------------------------

namespace {

Life* g_life = nullptr;
ObjectPtr g_target;
const OpSpec* g_running = nullptr;
std::vector<std::unique_ptr<Flight>> g_probes;
int g_depth = 0;

// On the worker, which is about to wait in a re-entrant service: another call on the same object has to come through.
void look_for_locks(std::uint64_t) {
    if (g_life == nullptr || g_depth > 0) return;
    const bool parallel = g_life->plugin().concurrency == PV_CONCURRENCY_PARALLEL;
    ++g_depth;
    {
        const LeafLock lock(g_mu);
        ++world().running; // the worker is not idle: nobody is to think that it hangs
    }
    for (const OpSpec* op : in_order(g_life->ops())) {
        if (op == g_running || op->target != (g_target ? g_target->kind : 0U) || (!parallel && !op->always) || op->stream != 0) continue;
        if (op->changes && !op->always) continue;
        g_probes.push_back(std::make_unique<Flight>(*g_life, *op, g_target, Arguments{}));
        Flight& probe = *g_probes.back();
        probe.begin();
        const auto returned = [](const void* c) { return static_cast<const pv_call*>(c)->returned || static_cast<const pv_call*>(c)->waits; };
        if (!settle_until(returned, probe.call(), 0, 3))
            complain("locks.reentrant", "{} holds a lock while it waits in a service of the host: {} on the same object is stuck", g_running->name, op->name);
        break;
    }
    {
        const LeafLock lock(g_mu);
        --world().running;
    }
    --g_depth;
}

} // namespace

void locks_reentrant(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    g_life = &life;
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        g_running = nullptr;
        g_while_waiting = nullptr;
        g_target = target_of(scenario, *op, usable);
        if (!usable) continue;
        g_running = op;
        g_while_waiting = &look_for_locks;
        call_op(life, *op, g_target);
        g_while_waiting = nullptr;
        for (const auto& p : g_probes) p->finish();
        g_probes.clear();
    }
    g_life = nullptr;
    g_target = nullptr;
    life.end();
}

} // namespace polyvirt::conform
