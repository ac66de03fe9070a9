// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.tune: which of the host's processors run what, and the threads for input and output.

#include <algorithm>

#include "cpu_maps.h"
#include "dom_tune.h"
#include "domains.h"
#include "node_figures.h"
#include "op.h"
#include "sdk/params.h"
#include "sdk/xml/compare.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;

constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;
using IoThreads = std::vector<IoThread>;

constexpr ParamRow<IoThread> kIoThreadRows[] = {
    {PV_DOMAIN_IOTHREAD_THREAD_POOL_MIN, &IoThread::thread_pool_min, -1},
    {PV_DOMAIN_IOTHREAD_THREAD_POOL_MAX, &IoThread::thread_pool_max, -1},
};
constexpr ParamRow<IoThreadPoll> kPollRows[] = {
    {PV_DOMAIN_IOTHREAD_POLL_MAX_NS, &IoThreadPoll::max},
};

class Pins : public Ops {
  public:
    using Ops::Ops;

    pv_status vcpus(pv_call* call, const pv_obj* obj, const pv_dom_vcpus_in&, pv_dom_vcpus_out& out) {
        const GuestPtr guest = Domains::of(obj);
        DocumentPtr live;
        {
            const ObjectLock lock(guest->mu);
            live = guest->live;
        }
        if (!live) return fail(call, invalid("cannot list vcpus for an inactive domain"));
        const Cputune tune = live->cputune.value_or(Cputune{});
        const std::uint32_t count = live->vcpu.current.value_or(live->vcpu.max.value_or(1));
        const std::uint64_t time = static_cast<std::uint64_t>(s_.loop->now_ns(s_.host));
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::vector<std::uint8_t> map = map_of(*live, tune, i);
            pv_dom_vcpu record{};
            record.size = sizeof record;
            record.number = i;
            record.state = PV_VCPU_RUNNING;
            record.cpu_time = time / count;
            record.cpu = highest(map);
            record.cpumap = map.data();
            record.ncpumap = static_cast<std::uint32_t>(map.size());
            s_.build->add_record(out.vcpus, &record);
        }
        return PV_OK;
    }

    pv_status vcpu_pins(pv_call* call, const pv_obj* obj, const pv_dom_vcpu_pins_in& in, pv_dom_vcpu_pins_out& out) {
        return with_tune(call, obj, in.flags, "testDomainGetVcpuPinInfo", [&](const Domain& d, const Cputune& tune) {
            for (std::uint32_t i = 0; i < d.vcpu.max.value_or(1); ++i) add_map(out.pins, map_of(d, tune, i));
        });
    }
    pv_status pin_vcpu(pv_call* call, const pv_obj* obj, const pv_dom_pin_vcpu_in& in, pv_dom_pin_vcpu_out&) {
        const auto set = from_map(in.cpumap, in.ncpumap, cpus());
        if (!set) return fail(call, set.error());
        return tune(call, obj, in.flags, "testDomainPinVcpuFlags", "pin vcpu",
                    [set = *set, vcpu = in.vcpu](const Domain& d, Cputune& t) -> Status {
                        if (vcpu >= d.vcpu.max.value_or(1))
                            return make_error(ErrorCode::invalid_arg, ErrorDomain::test,
                                              "requested vcpu is higher than allocated vcpus: {} > {}", vcpu, d.vcpu.max.value_or(1) - 1);
                        std::erase_if(t.vcpupins, [&](const VcpuPin& p) { return p.vcpu == vcpu; });
                        t.vcpupins.push_back({vcpu, set});
                        std::sort(t.vcpupins.begin(), t.vcpupins.end(), [](const auto& a, const auto& b) { return *a.vcpu < *b.vcpu; });
                        return {};
                    });
    }

    pv_status emulator_pin(pv_call* call, const pv_obj* obj, const pv_dom_emulator_pin_in& in, pv_dom_emulator_pin_out& out) {
        return with_tune(call, obj, in.flags, "testDomainGetEmulatorPinInfo", [&](const Domain& d, const Cputune& tune) {
            out.found = 1;
            const auto& set = tune.emulatorpin ? tune.emulatorpin->cpuset : d.vcpu.cpuset;
            add_map(out.pins, set.empty() ? whole_map(cpus()) : to_map(set, cpus()));
        });
    }
    pv_status pin_emulator(pv_call* call, const pv_obj* obj, const pv_dom_pin_emulator_in& in, pv_dom_pin_emulator_out&) {
        const auto set = from_map(in.cpumap, in.ncpumap, cpus());
        if (!set) return fail(call, set.error());
        return tune(call, obj, in.flags, "testDomainPinEmulator", "pin emulator", [set = *set](const Domain&, Cputune& t) -> Status {
            t.emulatorpin = EmulatorPin{set};
            return {};
        });
    }

    pv_status iothreads(pv_call* call, const pv_obj* obj, const pv_dom_iothreads_in& in, pv_dom_iothreads_out& out) {
        return with_tune(call, obj, in.flags, "testDomainGetIOThreadInfo", [&](const Domain& d, const Cputune& tune) {
            for (const IoThread& t : d.iothread_ids) {
                const auto pin = std::find_if(tune.iothreadpins.begin(), tune.iothreadpins.end(),
                                              [&](const IoThreadPin& p) { return p.iothread == t.id; });
                const std::vector<std::uint8_t> map = pin == tune.iothreadpins.end() ? whole_map(cpus()) : to_map(pin->cpuset, cpus());
                pv_dom_iothread record{};
                record.size = sizeof record;
                record.id = t.id.value_or(0);
                record.cpumap = map.data();
                record.ncpumap = static_cast<std::uint32_t>(map.size());
                s_.build->add_record(out.iothreads, &record);
            }
        });
    }
    pv_status pin_iothread(pv_call* call, const pv_obj* obj, const pv_dom_pin_iothread_in& in, pv_dom_pin_iothread_out&) {
        const auto set = from_map(in.cpumap, in.ncpumap, cpus());
        if (!set) return fail(call, set.error());
        return tune(call, obj, in.flags, "testDomainPinIOThread", "pin I/O thread",
                    [set = *set, id = in.id](const Domain& d, Cputune& t) -> Status {
                        if (!has(d.iothread_ids, id)) return unknown_thread(id);
                        std::erase_if(t.iothreadpins, [&](const IoThreadPin& p) { return p.iothread == id; });
                        t.iothreadpins.push_back({id, set});
                        return {};
                    });
    }
    pv_status add_iothread(pv_call* call, const pv_obj* obj, const pv_dom_add_iothread_in& in, pv_dom_add_iothread_out&) {
        return threads(call, obj, in.flags, "testDomainAddIOThread", [id = in.id](Domain&, IoThreads& t) -> Status {
            if (id == 0) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "invalid value of 0 for iothread_id");
            if (has(t, id))
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "an IOThread is already using iothread_id '{}'", id);
            t.emplace_back().id = id;
            return {};
        });
    }
    pv_status del_iothread(pv_call* call, const pv_obj* obj, const pv_dom_del_iothread_in& in, pv_dom_del_iothread_out&) {
        return threads(call, obj, in.flags, "testDomainDelIOThread", [id = in.id](Domain& d, IoThreads& t) -> Status {
            if (!has(t, id)) return unknown_thread(id);
            std::erase_if(t, [&](const IoThread& i) { return i.id == id; });
            if (!d.cputune) return {};
            std::erase_if(d.cputune->iothreadpins, [&](const IoThreadPin& p) { return p.iothread == id; });
            d.cputune = sdk::xml::unless_blank(*std::move(d.cputune));
            return {};
        });
    }
    pv_status set_iothread_params(pv_call* call, const pv_obj* obj, const pv_dom_set_iothread_params_in& in,
                                  pv_dom_set_iothread_params_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetIOThreadParams"); !flags) return answer(call, flags);
        // Read here: the parameters are the host's, and gone when the call is.
        IoThread wanted;
        for (std::uint32_t i = 0; i < in.nparams; ++i) {
            const std::string_view field = in.params[i].field;
            Status taken;
            if (field == PV_DOMAIN_IOTHREAD_POLL_MAX_NS) taken = take_all(in.params + i, 1, kPollRows, wanted.poll);
            else taken = take_all(in.params + i, 1, kIoThreadRows, wanted);
            if (!taken) return fail(call, taken.error());
        }
        return threads(call, obj, in.flags, "testDomainSetIOThreadParams", [id = in.id, wanted](Domain&, IoThreads& t) -> Status {
            const auto thread = std::find_if(t.begin(), t.end(), [id](const IoThread& i) { return i.id == id; });
            if (thread == t.end()) return unknown_thread(id);
            if (wanted.thread_pool_min) thread->thread_pool_min = wanted.thread_pool_min;
            if (wanted.thread_pool_max) thread->thread_pool_max = wanted.thread_pool_max;
            if (wanted.poll.max) thread->poll.max = wanted.poll.max;
            return {};
        });
    }

  private:
    [[nodiscard]] std::uint32_t cpus() const { return *driver_.node().active; }

    static bool has(const IoThreads& threads, std::uint32_t id) {
        return std::any_of(threads.begin(), threads.end(), [&](const IoThread& t) { return t.id == id; });
    }
    static Error unknown_thread(std::uint32_t id) {
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "cannot find IOThread '{}' in iothreadids list", id);
    }

    std::vector<std::uint8_t> map_of(const Domain& d, const Cputune& tune, std::uint32_t vcpu) const {
        for (const VcpuPin& pin : tune.vcpupins)
            if (pin.vcpu == vcpu) return to_map(pin.cpuset, cpus());
        return d.vcpu.cpuset.empty() ? whole_map(cpus()) : to_map(d.vcpu.cpuset, cpus());
    }
    static std::int32_t highest(const std::vector<std::uint8_t>& map) {
        for (std::size_t i = map.size() * 8; i-- > 0;)
            if ((map[i / 8] >> (i % 8) & 1) != 0) return static_cast<std::int32_t>(i);
        return 0;
    }
    void add_map(pv_records* to, const std::vector<std::uint8_t>& map) const {
        pv_dom_cpumap record{};
        record.size = sizeof record;
        record.cpumap = map.data();
        record.ncpumap = static_cast<std::uint32_t>(map.size());
        s_.build->add_record(to, &record);
    }

    template <typename Use>
    pv_status with_tune(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, Use&& use) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        const GuestPtr guest = Domains::of(obj);
        Result<DocumentPtr> document = DocumentPtr{};
        {
            const ObjectLock lock(guest->mu);
            document = driver_.domains().pick(*guest, flags);
        }
        if (!document) return fail(call, document.error());
        use(**document, (*document)->cputune.value_or(Cputune{}));
        return PV_OK;
    }

    pv_status tune(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, const char* what,
                   std::function<Status(const Domain&, Cputune&)> edit) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, what, [&domains, flags, edit = std::move(edit)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            return domains.edit(guest, flags, [&](Domain& d) -> Status {
                Cputune tune = d.cputune.value_or(Cputune{});
                PV_TRY(edit(d, tune));
                d.cputune = sdk::xml::unless_blank(std::move(tune));
                return {};
            });
        });
    }

    pv_status threads(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function,
                      std::function<Status(Domain&, IoThreads&)> edit) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "I/O threads",
                              [&domains, flags, edit = std::move(edit)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                  return domains.edit(guest, flags, [&](Domain& d) -> Status {
                                      PV_TRY(edit(d, d.iothread_ids));
                                      // <iothreads> is how many there are.
                                      d.iothreads.reset();
                                      if (!d.iothread_ids.empty()) d.iothreads = static_cast<std::uint32_t>(d.iothread_ids.size());
                                      return {};
                                  });
                              });
    }
};

} // namespace

void fill_pins(pv_dom_tune& t) {
    t.vcpus = op<"domain.vcpus", &Pins::vcpus>;
    t.vcpu_pins = op<"domain.vcpu_pins", &Pins::vcpu_pins>;
    t.pin_vcpu = op<"domain.pin_vcpu", &Pins::pin_vcpu>;
    t.emulator_pin = op<"domain.emulator_pin", &Pins::emulator_pin>;
    t.pin_emulator = op<"domain.pin_emulator", &Pins::pin_emulator>;
    t.iothreads = op<"domain.iothreads", &Pins::iothreads>;
    t.pin_iothread = op<"domain.pin_iothread", &Pins::pin_iothread>;
    t.add_iothread = op<"domain.add_iothread", &Pins::add_iothread>;
    t.del_iothread = op<"domain.del_iothread", &Pins::del_iothread>;
    t.set_iothread_params = op<"domain.set_iothread_params", &Pins::set_iothread_params>;
}

} // namespace polyvirt::test
