// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.tune: which of the host's processors run what, and the threads for input and output.

#include <algorithm>

#include "cpu_maps.h"
#include "dom_tune.h"
#include "domains.h"
#include "node_figures.h"
#include "op.h"
#include "params.h"
#include "sdk/domain/kept.h"
#include "sdk/domain/tune.h"

namespace polyvirt::test {
namespace {

using namespace sdk::domain;

constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;
constexpr const char* kCpuTune = "cputune";
constexpr const char* kIoThreads = "iothreadids";

constexpr ParamRow<IoThread> kIoThreadRows[] = {
    {PV_DOMAIN_IOTHREAD_THREAD_POOL_MIN, &IoThread::pool_min},
    {PV_DOMAIN_IOTHREAD_THREAD_POOL_MAX, &IoThread::pool_max},
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
        const auto tune = get_kept<CpuTune>(live->kept, kCpuTune);
        if (!tune) return fail(call, tune.error());
        const std::uint32_t count = live->vcpu.current.value_or(live->vcpu.max.value_or(1));
        const std::uint64_t time = static_cast<std::uint64_t>(s_.loop->now_ns(s_.host));
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::vector<std::uint8_t> map = map_of(*live, *tune, i);
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
        return with_tune(call, obj, in.flags, "testDomainGetVcpuPinInfo", [&](const Domain& d, const CpuTune& tune) {
            for (std::uint32_t i = 0; i < d.vcpu.max.value_or(1); ++i) add_map(out.pins, map_of(d, tune, i));
        });
    }
    pv_status pin_vcpu(pv_call* call, const pv_obj* obj, const pv_dom_pin_vcpu_in& in, pv_dom_pin_vcpu_out&) {
        const auto set = from_map(in.cpumap, in.ncpumap, cpus());
        if (!set) return fail(call, set.error());
        return tune(call, obj, in.flags, "testDomainPinVcpuFlags", "pin vcpu",
                    [set = *set, vcpu = in.vcpu](const Domain& d, CpuTune& t) -> Status {
                        if (vcpu >= d.vcpu.max.value_or(1))
                            return make_error(ErrorCode::invalid_arg, ErrorDomain::test,
                                              "requested vcpu is higher than allocated vcpus: {} > {}", vcpu, d.vcpu.max.value_or(1) - 1);
                        std::erase_if(t.vcpu_pins, [&](const VcpuPin& p) { return p.vcpu == vcpu; });
                        t.vcpu_pins.push_back({vcpu, set});
                        std::sort(t.vcpu_pins.begin(), t.vcpu_pins.end(), [](const auto& a, const auto& b) { return *a.vcpu < *b.vcpu; });
                        return {};
                    });
    }

    pv_status emulator_pin(pv_call* call, const pv_obj* obj, const pv_dom_emulator_pin_in& in, pv_dom_emulator_pin_out& out) {
        return with_tune(call, obj, in.flags, "testDomainGetEmulatorPinInfo", [&](const Domain& d, const CpuTune& tune) {
            out.found = 1;
            const auto& set = tune.emulator_pin.empty() ? d.vcpu.cpuset : tune.emulator_pin;
            add_map(out.pins, set.empty() ? whole_map(cpus()) : to_map(set, cpus()));
        });
    }
    pv_status pin_emulator(pv_call* call, const pv_obj* obj, const pv_dom_pin_emulator_in& in, pv_dom_pin_emulator_out&) {
        const auto set = from_map(in.cpumap, in.ncpumap, cpus());
        if (!set) return fail(call, set.error());
        return tune(call, obj, in.flags, "testDomainPinEmulator", "pin emulator", [set = *set](const Domain&, CpuTune& t) -> Status {
            t.emulator_pin = set;
            return {};
        });
    }

    pv_status iothreads(pv_call* call, const pv_obj* obj, const pv_dom_iothreads_in& in, pv_dom_iothreads_out& out) {
        return with_tune(call, obj, in.flags, "testDomainGetIOThreadInfo", [&](const Domain& d, const CpuTune& tune) {
            const auto threads = get_kept<IoThreads>(d.kept, kIoThreads);
            if (!threads) return;
            for (const IoThread& t : threads->list) {
                const auto pin = std::find_if(tune.iothread_pins.begin(), tune.iothread_pins.end(),
                                              [&](const IoThreadPin& p) { return p.iothread == t.id; });
                const std::vector<std::uint8_t> map = pin == tune.iothread_pins.end() ? whole_map(cpus()) : to_map(pin->cpuset, cpus());
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
                    [set = *set, id = in.id](const Domain& d, CpuTune& t) -> Status {
                        PV_ASSIGN_OR_RETURN(IoThreads threads, get_kept<IoThreads>(d.kept, kIoThreads));
                        if (find(threads, id) == nullptr) return unknown_thread(id);
                        std::erase_if(t.iothread_pins, [&](const IoThreadPin& p) { return p.iothread == id; });
                        t.iothread_pins.push_back({id, set});
                        return {};
                    });
    }
    pv_status add_iothread(pv_call* call, const pv_obj* obj, const pv_dom_add_iothread_in& in, pv_dom_add_iothread_out&) {
        return threads(call, obj, in.flags, "testDomainAddIOThread", [id = in.id](Domain&, IoThreads& t) -> Status {
            if (id == 0) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "invalid value of 0 for iothread_id");
            if (find(t, id) != nullptr)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "an IOThread is already using iothread_id '{}'", id);
            t.list.emplace_back().id = id;
            return {};
        });
    }
    pv_status del_iothread(pv_call* call, const pv_obj* obj, const pv_dom_del_iothread_in& in, pv_dom_del_iothread_out&) {
        return threads(call, obj, in.flags, "testDomainDelIOThread", [id = in.id](Domain& d, IoThreads& t) -> Status {
            if (find(t, id) == nullptr) return unknown_thread(id);
            std::erase_if(t.list, [&](const IoThread& i) { return i.id == id; });
            PV_ASSIGN_OR_RETURN(CpuTune tune, get_kept<CpuTune>(d.kept, kCpuTune));
            std::erase_if(tune.iothread_pins, [&](const IoThreadPin& p) { return p.iothread == id; });
            set_kept(d.kept, kCpuTune, tune);
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
            IoThread* const thread = find(t, id);
            if (thread == nullptr) return unknown_thread(id);
            if (wanted.pool_min) thread->pool_min = wanted.pool_min;
            if (wanted.pool_max) thread->pool_max = wanted.pool_max;
            if (wanted.poll.max) thread->poll.max = wanted.poll.max;
            return {};
        });
    }

  private:
    [[nodiscard]] std::uint32_t cpus() const { return *driver_.node().active; }

    static IoThread* find(IoThreads& threads, std::uint32_t id) {
        const auto found = std::find_if(threads.list.begin(), threads.list.end(), [&](const IoThread& t) { return t.id == id; });
        return found == threads.list.end() ? nullptr : &*found;
    }
    static Error unknown_thread(std::uint32_t id) {
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "cannot find IOThread '{}' in iothreadids list", id);
    }

    std::vector<std::uint8_t> map_of(const Domain& d, const CpuTune& tune, std::uint32_t vcpu) const {
        for (const VcpuPin& pin : tune.vcpu_pins)
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
        const auto tune = get_kept<CpuTune>((*document)->kept, kCpuTune);
        if (!tune) return fail(call, tune.error());
        use(**document, *tune);
        return PV_OK;
    }

    pv_status tune(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, const char* what,
                   std::function<Status(const Domain&, CpuTune&)> edit) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, what, [&domains, flags, edit = std::move(edit)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            return domains.edit(guest, flags, [&](Domain& d) -> Status {
                PV_ASSIGN_OR_RETURN(CpuTune tune, get_kept<CpuTune>(d.kept, kCpuTune));
                PV_TRY(edit(d, tune));
                set_kept(d.kept, kCpuTune, tune);
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
                                      PV_ASSIGN_OR_RETURN(IoThreads list, get_kept<IoThreads>(d.kept, kIoThreads));
                                      PV_TRY(edit(d, list));
                                      set_kept(d.kept, kIoThreads, list);
                                      // <iothreads> is how many there are.
                                      std::erase_if(d.kept, [](const sdk::xml::Node& n) { return n.name == "iothreads"; });
                                      if (list.list.empty()) return {};
                                      PV_ASSIGN_OR_RETURN(sdk::xml::Node count,
                                                          sdk::xml::read(fmt::format("<iothreads>{}</iothreads>", list.list.size()), "element"));
                                      d.kept.push_back(std::move(count));
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
