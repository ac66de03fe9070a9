// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tune/prepare.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <polyvirt/abi/gen/events.h>
#include <polyvirt/job.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "run.h"
#include "sdk/domain/pins.h"
#include "sdk/domain/vcpus.h"
#include "monitor/json.h"
#include "stats/figures.h"
#include "tune/scheduling.h"
#include "tune/limits.h"
#include "tune/threads.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::Task;
using sdk::xml::YesNo;

std::shared_ptr<const Domain> live_of(const Run& run) {
    const ObjectLock lock(run.guest()->mu);
    return run.guest()->live;
}

// Those that the document has plugged in, in the order in which that happened.
std::vector<std::uint32_t> plugged(const Domain& d) {
    std::vector<const IndividualVcpu*> list;
    for (const IndividualVcpu& v : d.vcpus)
        if (v.enabled == YesNo::yes && v.hotpluggable == YesNo::yes) list.push_back(&v);
    std::stable_sort(list.begin(), list.end(), [](const auto* a, const auto* b) { return a->order.value_or(UINT32_MAX) < b->order.value_or(UINT32_MAX); });
    std::vector<std::uint32_t> ids;
    for (const IndividualVcpu* v : list) ids.push_back(v->id.value_or(0));
    return ids;
}

Task<Status> plug_in_order(RunPtr run, std::vector<std::uint32_t> vcpus) {
    const auto places = co_await learn_places(run);
    PV_CO_TRY(places);
    for (const std::uint32_t vcpu : vcpus) {
        const auto place = std::find_if(places->begin(), places->end(), [&](const VcpuPlace& p) { return p.vcpu == vcpu; });
        // One of a place with several: it comes with the first.
        if (place == places->end() || !place->path.empty()) continue;
        Json arguments = place->props;
        arguments["driver"] = place->type;
        arguments["id"] = fmt::format("vcpu{}", vcpu);
        PV_CO_TRY(co_await run->qmp("device_add", std::move(arguments)));
    }
    co_return Status{};
}

const Scheduler* scheduler_of(const std::vector<Scheduler>& list, sdk::xml::CpuSet Scheduler::*set, std::uint32_t id) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const Scheduler& s) { return (s.*set).contains(id); });
    return found == list.end() ? nullptr : &*found;
}

Status place_in(const Run& run, const Limits& limits, Within where, const sdk::xml::CpuSet& pin) {
    if (pin.empty() || limits.empty()) return {};
    PV_TRY(enter_group(run, limits, where));
    return limits.set_cpus(where, pin);
}

// Of one that came later: those that were there from the start have it by put_in_force().
Status give_time(const Run& run, Within where, const std::optional<std::uint64_t>& period, const std::optional<std::int64_t>& quota) {
    const Limits limits = limits_of(run);
    if (limits.empty()) return {};
    PV_TRY(enter_group(run, limits, where));
    if (!period && !quota) return {};
    return limits.set_bandwidth(where, {.period = period, .quota = quota});
}

Status place(std::int64_t tid, const sdk::xml::CpuSet& pin, const Scheduler* scheduler) {
    if (!pin.empty()) PV_TRY(set_affinity(tid, pin));
    return scheduler != nullptr ? set_scheduler(tid, *scheduler) : Status{};
}

bool is_placed(const Domain& d) {
    if (!d.vcpu.cpuset.empty()) return true;
    const Cputune tune = d.cputune.value_or(Cputune{});
    return !tune.vcpupins.empty() || tune.emulatorpin || !tune.iothreadpins.empty() || !tune.vcpuscheds.empty() || !tune.iothreadscheds.empty() ||
           tune.emulatorsched;
}

// The groups' numbers, as the document says.
Status limit_all(const Run& run, const Domain& live) {
    const Limits limits = limits_of(run);
    if (live.memtune) PV_TRY(limits.set_memory(*live.memtune));
    if (live.blkiotune) {
        if (live.blkiotune->weight) PV_TRY(limits.set_weight(*live.blkiotune->weight));
        PV_TRY(limits.set_devices({}, live.blkiotune->devices));
    }
    const auto* const memory = live.numatune && live.numatune->memory ? &*live.numatune->memory : nullptr;
    if (memory != nullptr && memory->mode == "restrictive" && !memory->nodeset.empty()) PV_TRY(limits.set_nodes(memory->nodeset));
    return live.cputune ? put_in_force(run, Cputune{}, *live.cputune) : Status{};
}

// Every thread where the document says.
Status place_all(const Run& run, const Domain& live) {
    PV_TRY(limit_all(run, live));
    if (!is_placed(live)) return {};
    PV_TRY(place_emulator(run, live));
    const ThreadsPtr threads = run.figures().threads();
    if (!threads) return {};
    for (const VcpuThread& v : threads->vcpus) PV_TRY(place_vcpu(run, live, v.vcpu));
    for (const IoThreadThread& t : threads->iothreads) PV_TRY(place_iothread(run, live, t.id));
    return {};
}

// The balloon's figures are collected as often as the document says.
Task<Status> begin_polling(RunPtr run, std::shared_ptr<const Domain> live) {
    const auto& balloon = live->devices.memballoon;
    if (!balloon || balloon->model == "none" || balloon->stats_period.value_or(0) == 0) co_return Status{};
    Json arguments = {{"path", "/machine/peripheral/" + balloon->info.alias.name}, {"property", "guest-stats-polling-interval"}, {"value", *balloon->stats_period}};
    const auto set = co_await run->qmp("qom-set", std::move(arguments));
    if (!set) log::warning("tune", "domain '{}': the balloon is not polled: {}", run->guest()->name, set.error().message);
    co_return Status{};
}

// The emulator begins with all of the memory; the guest gives back what it is not to have when its driver is there.
Task<Status> begin_balloon(RunPtr run, std::shared_ptr<const Domain> live) {
    const auto& balloon = live->devices.memballoon;
    const std::uint64_t memory = live->memory.value_or(0), wanted = live->current_memory.value_or(memory);
    if (!balloon || balloon->model == "none" || wanted >= memory) co_return Status{};
    Json arguments = {{"value", wanted * 1024}};
    const auto set = co_await run->qmp("balloon", std::move(arguments));
    PV_CO_TRY(set);
    const ObjectLock lock(run->guest()->mu);
    run->driver().edit_live(*run->guest(), [memory](Domain& d) { d.current_memory = memory; });
    co_return Status{};
}

// Orders are by when they came; those that were there from the start count as the first.
void follow_threads(Domain& d, const Threads& threads) {
    if (d.vcpus.empty() && threads.vcpus.size() == online_vcpus(d)) return;
    list_vcpus(d);
    for (IndividualVcpu& v : d.vcpus) {
        const VcpuThread* const thread = threads.vcpu(v.id.value_or(0));
        v.enabled = thread != nullptr ? YesNo::yes : YesNo::no;
        v.hotpluggable = thread == nullptr || !thread->alias.empty() ? YesNo::yes : YesNo::no;
        if (thread == nullptr) v.order.reset();
    }
    std::uint32_t next = 1;
    for (const bool fixed : {true, false})
        for (IndividualVcpu& v : d.vcpus)
            if (v.enabled == YesNo::yes && (v.hotpluggable != YesNo::yes) == fixed && !v.order) {
                for (const IndividualVcpu& o : d.vcpus) next = std::max(next, o.order.value_or(0) + 1);
                v.order = next;
            }
    const auto on = static_cast<std::uint32_t>(threads.vcpus.size());
    d.vcpu.current = on;
    if (on == max_vcpus(d)) d.vcpu.current.reset();
}

} // namespace

Task<Result<std::vector<VcpuPlace>>> learn_places(RunPtr run) {
    const auto reply = co_await run->qmp("query-hotpluggable-cpus");
    PV_CO_TRY(reply);
    co_return read_places(*reply);
}

Task<Status> learn_threads(RunPtr run) {
    const auto reply = co_await run->qmp("query-cpus-fast");
    PV_CO_TRY(reply);
    auto vcpus = read_vcpu_threads(*reply);
    PV_CO_TRY(vcpus);
    const ThreadsPtr before = run->figures().threads();
    auto threads = before ? std::make_shared<Threads>(*before) : std::make_shared<Threads>();
    threads->vcpus = *std::move(vcpus);
    run->figures().set_threads(std::move(threads));
    co_return Status{};
}

Task<Status> learn_iothreads(RunPtr run) {
    const auto reply = co_await run->qmp("query-iothreads");
    PV_CO_TRY(reply);
    auto iothreads = read_iothreads(*reply);
    PV_CO_TRY(iothreads);
    const ThreadsPtr before = run->figures().threads();
    auto threads = before ? std::make_shared<Threads>(*before) : std::make_shared<Threads>();
    threads->iothreads = *std::move(iothreads);
    run->figures().set_threads(std::move(threads));
    co_return Status{};
}

void show_vcpus(Run& run) {
    if (const ThreadsPtr threads = run.figures().threads())
        run.driver().edit_live(*run.guest(), [&](Domain& d) { follow_threads(d, *threads); });
}

Status place_vcpu(const Run& run, const Domain& live, std::uint32_t vcpu) {
    const ThreadsPtr threads = run.figures().threads();
    const VcpuThread* const thread = threads ? threads->vcpu(vcpu) : nullptr;
    if (thread == nullptr) return {};
    PV_TRY(place_in(run, limits_of(run), {Within::Kind::vcpu, vcpu}, vcpu_pin(live, vcpu)));
    const auto* const list = live.cputune ? &live.cputune->vcpuscheds : nullptr;
    return place(thread->tid, vcpu_pin(live, vcpu), list != nullptr ? scheduler_of(*list, &Scheduler::vcpus, vcpu) : nullptr);
}

Status place_iothread(const Run& run, const Domain& live, std::uint32_t id) {
    const ThreadsPtr threads = run.figures().threads();
    const IoThreadThread* const thread = threads ? threads->iothread(id) : nullptr;
    if (thread == nullptr) return {};
    PV_TRY(place_in(run, limits_of(run), {Within::Kind::iothread, id}, iothread_pin(live, id)));
    const auto* const list = live.cputune ? &live.cputune->iothreadscheds : nullptr;
    return place(thread->tid, iothread_pin(live, id), list != nullptr ? scheduler_of(*list, &Scheduler::iothreads, id) : nullptr);
}

// All but those that have a place of their own.
std::vector<std::int64_t> emulator_threads(const Run& run) {
    std::vector<std::int64_t> own = threads_of(run.pid());
    if (const ThreadsPtr threads = run.figures().threads()) {
        for (const VcpuThread& v : threads->vcpus) std::erase(own, v.tid);
        for (const IoThreadThread& t : threads->iothreads) std::erase(own, t.tid);
    }
    return own;
}

Status place_emulator(const Run& run, const Domain& live) {
    PV_TRY(place_in(run, limits_of(run), {Within::Kind::emulator, 0}, emulator_pin(live)));
    const Scheduler* const scheduler = live.cputune && live.cputune->emulatorsched ? &*live.cputune->emulatorsched : nullptr;
    for (const std::int64_t tid : emulator_threads(run)) PV_TRY(place(tid, emulator_pin(live), scheduler));
    return {};
}

Status enter_group(const Run& run, const Limits& limits, Within where) {
    std::vector<std::int64_t> tids;
    const ThreadsPtr threads = run.figures().threads();
    if (where.kind == Within::Kind::emulator) tids = emulator_threads(run);
    if (const VcpuThread* const v = where.kind == Within::Kind::vcpu && threads ? threads->vcpu(where.id) : nullptr) tids.push_back(v->tid);
    if (const IoThreadThread* const t = where.kind == Within::Kind::iothread && threads ? threads->iothread(where.id) : nullptr) tids.push_back(t->tid);
    for (const std::int64_t tid : tids) PV_TRY(limits.add_thread(where, tid));
    return {};
}

Status welcome_vcpu(const Run& run, const Domain& live, std::uint32_t vcpu) {
    const Cputune tune = live.cputune.value_or(Cputune{});
    PV_TRY(give_time(run, {Within::Kind::vcpu, vcpu}, tune.period, tune.quota));
    return place_vcpu(run, live, vcpu);
}
Status welcome_iothread(const Run& run, const Domain& live, std::uint32_t id) {
    const Cputune tune = live.cputune.value_or(Cputune{});
    PV_TRY(give_time(run, {Within::Kind::iothread, id}, tune.iothread_period, tune.iothread_quota));
    return place_iothread(run, live, id);
}

void follow_counters(const Run& run, const Domain& live) {
    for (const PerfEvent& event : live.perf.events) {
        if (event.enabled != YesNo::yes) continue;
        if (const Status counted = run.figures().perf().enable(event.name, run.pid()); !counted)
            log::warning("tune", "domain '{}': {}", run.guest()->name, counted.error().message);
    }
}

Task<Status> prepare_tuning(RunPtr run) {
    auto live = live_of(*run);
    if (!live) co_return Status{};
    if (const auto vcpus = plugged(*live); !vcpus.empty()) PV_CO_TRY(co_await plug_in_order(run, vcpus));
    PV_CO_TRY(co_await learn_threads(run));
    if (!live->iothread_ids.empty()) PV_CO_TRY(co_await learn_iothreads(run));
    PV_CO_TRY(co_await begin_balloon(run, live));
    PV_CO_TRY(co_await begin_polling(run, live));
    if (!live->vcpus.empty()) {
        const ObjectLock lock(run->guest()->mu);
        show_vcpus(*run);
    }
    PV_CO_TRY(co_await sdk::on_worker(run->driver().services(), run->guest()->strand));
    follow_counters(*run, *live);
    co_return place_all(*run, *live);
}

Task<Status> separate_threads(RunPtr run) {
    PV_CO_TRY(co_await sdk::on_worker(run->driver().services(), run->guest()->strand));
    const Limits limits = limits_of(*run);
    const ThreadsPtr threads = run->figures().threads();
    if (limits.empty() || !threads || !live_of(*run)) co_return Status{};
    for (const VcpuThread& v : threads->vcpus) PV_CO_TRY(enter_group(*run, limits, {Within::Kind::vcpu, v.vcpu}));
    for (const IoThreadThread& t : threads->iothreads) PV_CO_TRY(enter_group(*run, limits, {Within::Kind::iothread, t.id}));
    co_return Status{};
}

Task<Status> relearn_tuning(RunPtr run) {
    PV_CO_TRY(co_await learn_threads(run));
    const auto live = live_of(*run);
    if (live && !live->iothread_ids.empty()) PV_CO_TRY(co_await learn_iothreads(run));
    run->figures().dirty_rate_begun(false);
    const auto balloon = co_await run->qmp("query-balloon");
    if (live) follow_counters(*run, *live);
    const ObjectLock lock(run->guest()->mu);
    const ThreadsPtr threads = run->figures().threads();
    run->driver().edit_live(*run->guest(), [&](Domain& d) {
        follow_threads(d, *threads);
        const auto actual = balloon && balloon->is_object() ? balloon->find("actual") : Json::const_iterator();
        if (balloon && balloon->is_object() && actual != balloon->end() && actual->is_number_unsigned()) d.current_memory = actual->get<std::uint64_t>() / 1024;
    });
    co_return Status{};
}

void on_balloon_change(Run& run, const QmpEvent& event) {
    const auto it = event.data.is_object() ? event.data.find("actual") : event.data.end();
    if (it == event.data.end() || !it->is_number_unsigned()) return;
    const std::uint64_t kib = it->get<std::uint64_t>() / 1024;
    {
        const ObjectLock lock(run.guest()->mu);
        if (!run.guest()->live) return;
        run.driver().edit_live(*run.guest(), [kib](Domain& d) { d.current_memory = kib; });
        pv_event_domain_balloon_change payload{};
        payload.size = sizeof payload;
        payload.actual = kib;
        run.driver().post_event(*run.guest(), PV_EVENT_DOMAIN_BALLOON_CHANGE, &payload);
    }
    // Not saved: the emulator is asked when the guest is found again, and a balloon may change many times a second.
}

void on_vcpu_deleted(Run& run, const QmpEvent& event) {
    const std::string alias = text_of(event.data, "device");
    constexpr std::string_view kPrefix = "vcpu";
    std::uint32_t vcpu = 0;
    if (!alias.starts_with(kPrefix) || std::from_chars(alias.data() + kPrefix.size(), alias.data() + alias.size(), vcpu).ec != std::errc()) return;
    const ThreadsPtr threads = run.figures().threads();
    if (!threads || threads->vcpu(vcpu) == nullptr) return;
    auto left = std::make_shared<Threads>(*threads);
    std::erase_if(left->vcpus, [&](const VcpuThread& v) { return v.alias == alias; });
    run.figures().set_threads(left);
    {
        const ObjectLock lock(run.guest()->mu);
        show_vcpus(run);
    }
    plugin::submit(run.driver().services(), run.guest()->strand, [limits = limits_of(run), vcpu] { limits.drop({Within::Kind::vcpu, vcpu}); });
    run.driver().save_status(run.guest(), [name = run.guest()->name](const Status& saved) {
        if (!saved) log::error("tune", "domain '{}': {}", name, saved.error().message);
    });
}

} // namespace polyvirt::qemu
