// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Hosts that lack something, and machines on which something fails. Each in a further process, so that one death does
// not hide the next.

#include <chrono>
#include <fstream>
#include <random>
#include <unistd.h>

#include "tools/conform/alloc.h"
#include "tools/conform/cases/cases.h"
#include "tools/conform/cases/walk.h"
#include "tools/conform/process.h"

namespace polyvirt::conform {
namespace {

void apart(const char* judge, const std::string& what, const Subject& subject, const std::function<void()>& body) {
    const std::string death = run_apart(
        [&] {
            set_circumstance(what);
            try {
                body();
            } catch (const GiveUp& g) {
                log_text("{}: {}", what, g.why);
            } catch (const Skip& s) {
                log_text("{}: {}", what, s.why);
            }
        },
        subject.patience * 6);
    if (!death.empty()) complain(judge, "{}: {}", what, death);
}

// A life that may fail at every step, but cleanly.
void careful_life(const Subject& subject, bool with_ops) {
    Life life(subject, find_address(subject).instance);
    if (life.create() != PV_OK) return;
    if (life.start() && with_ops) {
        Scenario scenario(life);
        walk_ops(life, scenario, any_op, ordinary);
    }
    life.end();
}

// The functions of services that the plugin uses in an undisturbed life.
std::vector<std::string> used_services(const Subject& subject) {
    const std::string file = fmt::format("{}/used", work_folder());
    apart("life.start", "undisturbed", subject, [&] {
        careful_life(subject, true);
        std::ofstream out(file);
        for (const std::string& name : services_used()) out << name << "\n";
    });
    std::vector<std::string> names;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) names.push_back(line);
    return names;
}

bool may_fail(const std::string& name) {
    constexpr const char* kCannot[] = {"loop.release", "loop.remove", "loop.set_", "loop.now", "loop.on_loop", "event.queue_free", "call.", "log.", "job.end",
                                       "registry.pin", "registry.unpin", "registry.find", "registry.update", "registry.retire", "proc.", "state.sink_data", "state.sink_free",
                                       "state.set_aside", "client.identity", "client.forget", "config.", "stream.finish", "stream.fail", "stream.resume", "event.post", "loop.post",
                                       "driver.implements", "driver.unsubscribe", "stream.progress"};
    for (const char* c : kCannot)
        if (name.rfind(c, 0) == 0) return false;
    return true;
}

} // namespace

void services_missing(const Subject& subject) {
    // What the manifest asks for is there, or the plugin is not loaded.
    std::vector<const char*> optional;
    for (const char* id : service_ids())
        if (subject.manifest.needs.count(id) == 0) optional.push_back(id);
    for (const char* id : optional)
        apart("faults.missing", fmt::format("without {}", id), subject, [&] {
            world().behaviour.absent = {id};
            careful_life(subject, false);
        });
    apart("faults.missing", "with nothing but what its manifest needs", subject, [&] {
        world().behaviour.absent = {optional.begin(), optional.end()};
        careful_life(subject, false);
    });
}

void services_failing(const Subject& subject) {
    std::size_t tried = 0;
    for (const std::string& name : used_services(subject)) {
        if (!may_fail(name)) continue;
        ++tried;
        apart("faults.services", fmt::format("when {} fails", name), subject, [&] {
            world().behaviour.failing = name;
            careful_life(subject, true);
        });
    }
    if (tried == 0) throw Skip{"it uses no service that can fail"};
}

void spawn_failing(const Subject& subject) {
    if (subject.manifest.needs.count("host.proc/1") == 0) throw Skip{"it does not need host.proc"};
    for (const char* name : {"proc.spawn", "proc.run", "proc.adopt"})
        apart("faults.spawn", fmt::format("when {} fails", name), subject, [&] {
            world().behaviour.failing = name;
            careful_life(subject, true);
        });
}

namespace {

// 1, 2, 3, ... and then some more, further and further apart.
std::vector<std::uint64_t> samples(std::uint64_t seed, std::size_t first, std::size_t more) {
    std::vector<std::uint64_t> list;
    std::mt19937_64 random(seed);
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < first; ++i) list.push_back(++n);
    for (std::size_t i = 0; i < more; ++i) list.push_back(n += 1 + random() % (2 + n / 3));
    return list;
}

// Enough has been tried: a driver that starts real guests takes its time for each.
class Budget {
  public:
    explicit Budget(const Subject& subject) : until_(Clock::now() + std::chrono::milliseconds(static_cast<long>(subject.patience * 2000))) {}
    [[nodiscard]] bool spent() const {
        if (Clock::now() < until_) return false;
        log_text("no further allocations are tried: the time is spent");
        return true;
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point until_;
};

void starve_life(const Subject& subject) {
    const Budget budget(subject);
    const Address address = find_address(subject);
    for (const std::uint64_t n : samples(subject.seed, 24, 16)) {
        Life life(subject, address.instance);
        fail_allocation(n);
        const pv_status made = life.create();
        const bool started = made == PV_OK && life.start();
        const bool failed = allocation_failed();
        fail_allocation(0);
        log_text("allocation {} of create and start: {}", n, !failed ? "not reached" : started ? "it works nevertheless" : "it fails");
        life.end();
        if (!failed || budget.spent()) return;
    }
}

void starve_op(const Subject& subject, const OpSpec& op) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    const Budget budget(subject);
    for (const std::uint64_t n : samples(subject.seed + op.id, 10, 10)) {
        bool usable = false;
        const ObjectPtr target = target_of(scenario, op, usable);
        if (!usable) break;
        log_text("allocation {} fails", n);
        fail_allocation(n);
        call_op(life, op, target);
        const bool failed = allocation_failed();
        fail_allocation(0);
        if (!failed || budget.spent()) break;
    }
    life.end();
}

} // namespace

void allocations(const Subject& subject) {
    if (!can_fail_allocations()) throw Skip{"this kit is built with a sanitizer, whose allocator must be the only one"};
    apart("faults.memory", "create and start", subject, [&] { starve_life(subject); });
    const std::string file = fmt::format("{}/ops", work_folder());
    apart("faults.memory", "create", subject, [&] {
        Life life(subject, find_address(subject).instance);
        std::ofstream out(file);
        if (life.create() != PV_OK) return;
        for (const OpSpec* op : in_order(life.ops())) out << op->name << "\n";
        out.flush();
        life.destroy();
    });
    std::ifstream in(file);
    for (std::string name; std::getline(in, name);)
        if (const OpSpec* op = find_op(name); op != nullptr) apart("faults.memory", op->name, subject, [&] { starve_op(subject, *op); });
}

} // namespace polyvirt::conform
