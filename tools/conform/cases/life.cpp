// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Instances come and go.

#include "tools/conform/life.h"

#include "tools/conform/cases/cases.h"
#include "tools/conform/process_state.h"
#include "tools/conform/scenario.h"

namespace polyvirt::conform {

void create_destroy(const Subject& subject) {
    const Address address = find_address(subject);
    for (int i = 0; i < 3; ++i) {
        Life life(subject, address.instance);
        if (life.create() != PV_OK) {
            complain("life.create", "create fails");
            return;
        }
        life.destroy();
    }
}

void start_stop(const Subject& subject) {
    const Address address = find_address(subject);
    for (const std::uint32_t why : {PV_STOP_SHUTDOWN, PV_STOP_SESSION_END, PV_STOP_RETIRE}) {
        Life life(subject, address.instance);
        life.begin();
        life.stop(why);
        life.destroy();
    }
}

void restart(const Subject& subject) {
    const Address address = find_address(subject);
    std::string folder;
    for (const std::uint32_t how : {PV_START_COLD, PV_START_CRASH_RECOVER, PV_START_COLD}) {
        Life life(subject, address.instance);
        if (folder.empty()) folder = life.host()->folder;
        life.host()->folder = folder; // what the last life left there is found
        if (life.create() != PV_OK) {
            complain("life.restart", "create fails in a later life");
            return;
        }
        if (!life.start(how)) complain("life.restart", "start fails in a later life (how {})", how);
        // What there was does not hinder the next life.
        if (life.started()) Scenario(life).object(PV_KIND_DOMAIN);
        life.end();
    }
}

void reconfigure(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    if (life.plugin().reconfigure == nullptr) {
        life.end();
        throw Skip{"it has no reconfigure"};
    }
    for (int i = 0; i < 2; ++i) life.reconfigure();
    life.end();
}

void two_instances(const Subject& subject) {
    const Address address = find_address(subject);
    // Of one key, as two generations of a plugin are.
    Life one(subject, address.instance), two(subject, address.instance);
    one.begin();
    if (two.create() != PV_OK || !two.start()) {
        complain("life.two_instances", "a second instance cannot be made or started beside the first");
        two.end();
        one.end();
        return;
    }
    Scenario scenario(one);
    const auto before = two.host()->objects.size();
    const ObjectPtr made = scenario.fresh(PV_KIND_DOMAIN);
    if (made && two.host()->objects.size() != before) complain("life.two_instances", "a domain that one instance made was published in the other");
    if (made && one.host()->objects.count(made->handle) == 0) complain("life.two_instances", "a domain was published in another instance than its own");
    one.end();
    // The second has to go on as if nothing had been.
    for (const OpSpec* op : in_order(two.ops())) {
        if (op->changes || op->target != PV_KIND_NONE) continue;
        const Ended e = call_op(two, *op, nullptr);
        if (!e.done) complain("life.two_instances", "{}: does not end in one instance after the other has gone", op->name);
    }
    Life three(subject, address.instance);
    three.begin();
    three.end();
    two.end();
}

void census(const Subject& subject) {
    const Address address = find_address(subject);
    {
        // Libraries keep what they make at first use, and are not the plugin's fault.
        Life first(subject, address.instance);
        first.begin();
        first.end();
    }
    const Census before = Census::take();
    Life life(subject, address.instance);
    life.begin();
    Scenario scenario(life);
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        const ObjectPtr target = target_of(scenario, *op, usable);
        if (usable) call_op(life, *op, target);
    }
    life.end();
    // Threads that have ended are seen for a moment still.
    for (int i = 0; i < 200 && !Census::take().within(before); ++i) settle(0, 0.02);
    Census::take().compare(before, "from create to destroy");
}

namespace {

// A life and a few calls with tables of another shape.
void live_with(const Subject& subject, Behaviour::Tables tables) {
    const Address address = find_address(subject);
    world().behaviour.tables = tables;
    Life life(subject, address.instance);
    life.begin();
    Scenario scenario(life);
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        const ObjectPtr target = target_of(scenario, *op, usable);
        if (usable) call_op(life, *op, target);
    }
    life.end();
}

} // namespace

void tables_exact(const Subject& subject) { live_with(subject, Behaviour::Tables::exact); }
void tables_longer(const Subject& subject) { live_with(subject, Behaviour::Tables::longer); }

void no_check(const Subject& subject) {
    const Address address = find_address(subject);
    world().behaviour.absent = {"host.check/1"};
    Life life(subject, address.instance);
    if (life.create() != PV_OK) {
        complain("life.no_check", "create fails without host.check, which may be absent");
        return;
    }
    if (!life.start()) complain("life.no_check", "start fails without host.check, which may be absent");
    life.end();
}

} // namespace polyvirt::conform
