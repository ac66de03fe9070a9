// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.tune: which of the host's processors run what, and the threads for input and output.

#include <algorithm>

#include "dom_tune.h"
#include "domains.h"
#include "node_figures.h"
#include "op.h"
#include "sdk/cpu_maps.h"
#include "sdk/domain/pins.h"
#include "sdk/domain/vcpus.h"
#include "sdk/tune_params.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;

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
        const std::uint32_t count = online_vcpus(*live);
        const std::uint64_t time = static_cast<std::uint64_t>(s_.loop->now_ns(s_.host));
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::vector<std::uint8_t> map = map_of(vcpu_pin(*live, i));
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
        return read(call, obj, in.flags, "testDomainGetVcpuPinInfo", [&](const Domain& d) {
            for (std::uint32_t i = 0; i < max_vcpus(d); ++i) add_map(out.pins, map_of(vcpu_pin(d, i)));
        });
    }
    pv_status pin_vcpu(pv_call* call, const pv_obj* obj, const pv_dom_pin_vcpu_in& in, pv_dom_pin_vcpu_out&) {
        const auto set = set_of(in.cpumap, in.ncpumap);
        if (!set) return fail(call, set.error());
        return write(call, obj, in.flags, "testDomainPinVcpuFlags", "pin vcpu", [set = *set, vcpu = in.vcpu](Domain& d) -> Status {
            if (vcpu >= max_vcpus(d))
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "requested vcpu is higher than allocated vcpus: {} > {}", vcpu,
                                  max_vcpus(d) - 1);
            set_vcpu_pin(d, vcpu, set);
            return {};
        });
    }

    pv_status emulator_pin(pv_call* call, const pv_obj* obj, const pv_dom_emulator_pin_in& in, pv_dom_emulator_pin_out& out) {
        return read(call, obj, in.flags, "testDomainGetEmulatorPinInfo", [&](const Domain& d) {
            out.found = 1;
            add_map(out.pins, map_of(domain::emulator_pin(d)));
        });
    }
    pv_status pin_emulator(pv_call* call, const pv_obj* obj, const pv_dom_pin_emulator_in& in, pv_dom_pin_emulator_out&) {
        const auto set = set_of(in.cpumap, in.ncpumap);
        if (!set) return fail(call, set.error());
        return write(call, obj, in.flags, "testDomainPinEmulator", "pin emulator", [set = *set](Domain& d) -> Status {
            set_emulator_pin(d, set);
            return {};
        });
    }

    pv_status iothreads(pv_call* call, const pv_obj* obj, const pv_dom_iothreads_in& in, pv_dom_iothreads_out& out) {
        return read(call, obj, in.flags, "testDomainGetIOThreadInfo", [&](const Domain& d) {
            for (const IoThread& t : d.iothread_ids) {
                const std::vector<std::uint8_t> map = map_of(iothread_pin(d, t.id.value_or(0)));
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
        const auto set = set_of(in.cpumap, in.ncpumap);
        if (!set) return fail(call, set.error());
        return write(call, obj, in.flags, "testDomainPinIOThread", "pin I/O thread", [set = *set, id = in.id](Domain& d) -> Status {
            if (find_iothread(d, id) == nullptr) return unknown_thread(id);
            set_iothread_pin(d, id, set);
            return {};
        });
    }
    pv_status add_iothread(pv_call* call, const pv_obj* obj, const pv_dom_add_iothread_in& in, pv_dom_add_iothread_out&) {
        return write(call, obj, in.flags, "testDomainAddIOThread", "add I/O thread", [id = in.id](Domain& d) -> Status {
            if (id == 0) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "invalid value of 0 for iothread_id");
            if (find_iothread(d, id) != nullptr)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "an IOThread is already using iothread_id '{}'", id);
            domain::add_iothread(d, id);
            return {};
        });
    }
    pv_status del_iothread(pv_call* call, const pv_obj* obj, const pv_dom_del_iothread_in& in, pv_dom_del_iothread_out&) {
        return write(call, obj, in.flags, "testDomainDelIOThread", "remove I/O thread", [id = in.id](Domain& d) -> Status {
            if (find_iothread(d, id) == nullptr) return unknown_thread(id);
            domain::del_iothread(d, id);
            return {};
        });
    }
    pv_status set_iothread_params(pv_call* call, const pv_obj* obj, const pv_dom_set_iothread_params_in& in,
                                  pv_dom_set_iothread_params_out&) {
        if (const Status known = check_flags(in.flags, kAffect, "testDomainSetIOThreadParams"); !known) return answer(call, known);
        // Read here: the parameters are the host's, and gone when the call is.
        IoThread wanted;
        if (const Status taken = take_iothread({in.params, in.nparams}, wanted); !taken) return fail(call, taken.error());
        return write(call, obj, in.flags, "testDomainSetIOThreadParams", "I/O thread", [id = in.id, wanted](Domain& d) -> Status {
            IoThread* const thread = find_iothread(d, id);
            if (thread == nullptr) return unknown_thread(id);
            if (wanted.thread_pool_min) thread->thread_pool_min = wanted.thread_pool_min;
            if (wanted.thread_pool_max) thread->thread_pool_max = wanted.thread_pool_max;
            if (wanted.poll.max) thread->poll.max = wanted.poll.max;
            return {};
        });
    }

  private:
    [[nodiscard]] std::uint32_t cpus() const { return *driver_.node().active; }

    static Error unknown_thread(std::uint32_t id) {
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "cannot find IOThread '{}' in iothreadids list", id);
    }

    std::vector<std::uint8_t> map_of(const sdk::xml::CpuSet& set) const { return set.empty() ? whole_map(cpus()) : to_map(set, cpus()); }
    Result<sdk::xml::CpuSet> set_of(const std::uint8_t* map, std::uint32_t length) const {
        sdk::xml::CpuSet set = from_map(map, length, cpus());
        if (set.empty())
            return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "the map has none of the host's {} processors", cpus());
        return set;
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
    pv_status read(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, Use&& use) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        const GuestPtr guest = Domains::of(obj);
        Result<DocumentPtr> document = DocumentPtr{};
        {
            const ObjectLock lock(guest->mu);
            document = driver_.domains().pick(*guest, flags);
        }
        if (!document) return fail(call, document.error());
        use(**document);
        return PV_OK;
    }

    pv_status write(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, const char* what,
                    std::function<Status(Domain&)> edit) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, what, [&domains, flags, edit = std::move(edit)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            return domains.edit(guest, flags, edit);
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
