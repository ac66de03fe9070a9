// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.tune: how much of everything a guest may have, and what of its host. Readers answer from the descriptions and
// from files of the kernel; a change of a running guest goes to the emulator or the kernel first, and then into its
// description. Without state; any worker.

#include <polyvirt/gen/dom_tune.h>

#include "part.h"
#include "sdk/tune_params.h"
#include "tune/limits.h"

namespace polyvirt::qemu {

inline Error wrong_argument(std::string text) { return make_error_text(ErrorCode::invalid_arg, ErrorDomain::qemu, std::move(text)); }

class TuneOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<
        ops::dom_tune::max_memory, ops::dom_tune::set_memory, ops::dom_tune::vcpus_count, ops::dom_tune::set_vcpus,
        ops::dom_tune::set_vcpu, ops::dom_tune::vcpus, ops::dom_tune::vcpu_pins, ops::dom_tune::pin_vcpu,
        ops::dom_tune::emulator_pin, ops::dom_tune::pin_emulator, ops::dom_tune::iothreads, ops::dom_tune::pin_iothread,
        ops::dom_tune::add_iothread, ops::dom_tune::del_iothread, ops::dom_tune::set_iothread_params,
        ops::dom_tune::scheduler_type, ops::dom_tune::scheduler_params, ops::dom_tune::set_scheduler_params,
        ops::dom_tune::memory_params, ops::dom_tune::set_memory_params, ops::dom_tune::blkio_params,
        ops::dom_tune::set_blkio_params, ops::dom_tune::numa_params, ops::dom_tune::set_numa_params,
        ops::dom_tune::interface_params, ops::dom_tune::set_interface_params>;

    // ops_memory.cpp
    pv_status max_memory(pv_call*, const pv_obj*, const pv_dom_max_memory_in&, pv_dom_max_memory_out&);
    pv_status set_memory(pv_call*, const pv_obj*, const pv_dom_set_memory_in&, pv_dom_set_memory_out&);
    // ops_vcpus.cpp
    pv_status vcpus_count(pv_call*, const pv_obj*, const pv_dom_vcpus_count_in&, pv_dom_vcpus_count_out&);
    pv_status set_vcpus(pv_call*, const pv_obj*, const pv_dom_set_vcpus_in&, pv_dom_set_vcpus_out&);
    pv_status set_vcpu(pv_call*, const pv_obj*, const pv_dom_set_vcpu_in&, pv_dom_set_vcpu_out&);
    pv_status vcpus(pv_call*, const pv_obj*, const pv_dom_vcpus_in&, pv_dom_vcpus_out&);
    // ops_pins.cpp
    pv_status vcpu_pins(pv_call*, const pv_obj*, const pv_dom_vcpu_pins_in&, pv_dom_vcpu_pins_out&);
    pv_status pin_vcpu(pv_call*, const pv_obj*, const pv_dom_pin_vcpu_in&, pv_dom_pin_vcpu_out&);
    pv_status emulator_pin(pv_call*, const pv_obj*, const pv_dom_emulator_pin_in&, pv_dom_emulator_pin_out&);
    pv_status pin_emulator(pv_call*, const pv_obj*, const pv_dom_pin_emulator_in&, pv_dom_pin_emulator_out&);
    // ops_iothreads.cpp
    pv_status iothreads(pv_call*, const pv_obj*, const pv_dom_iothreads_in&, pv_dom_iothreads_out&);
    pv_status pin_iothread(pv_call*, const pv_obj*, const pv_dom_pin_iothread_in&, pv_dom_pin_iothread_out&);
    pv_status add_iothread(pv_call*, const pv_obj*, const pv_dom_add_iothread_in&, pv_dom_add_iothread_out&);
    pv_status del_iothread(pv_call*, const pv_obj*, const pv_dom_del_iothread_in&, pv_dom_del_iothread_out&);
    pv_status set_iothread_params(pv_call*, const pv_obj*, const pv_dom_set_iothread_params_in&,
                                  pv_dom_set_iothread_params_out&);
    // ops_params.cpp
    pv_status memory_params(pv_call*, const pv_obj*, const pv_dom_memory_params_in&, pv_dom_memory_params_out&);
    pv_status set_memory_params(pv_call*, const pv_obj*, const pv_dom_set_memory_params_in&, pv_dom_set_memory_params_out&);
    pv_status blkio_params(pv_call*, const pv_obj*, const pv_dom_blkio_params_in&, pv_dom_blkio_params_out&);
    pv_status set_blkio_params(pv_call*, const pv_obj*, const pv_dom_set_blkio_params_in&, pv_dom_set_blkio_params_out&);
    pv_status numa_params(pv_call*, const pv_obj*, const pv_dom_numa_params_in&, pv_dom_numa_params_out&);
    pv_status set_numa_params(pv_call*, const pv_obj*, const pv_dom_set_numa_params_in&, pv_dom_set_numa_params_out&);
    pv_status interface_params(pv_call*, const pv_obj*, const pv_dom_interface_params_in&, pv_dom_interface_params_out&);
    pv_status set_interface_params(pv_call*, const pv_obj*, const pv_dom_set_interface_params_in&,
                                   pv_dom_set_interface_params_out&);
    // ops_scheduler.cpp
    pv_status scheduler_type(pv_call*, const pv_obj*, const pv_dom_scheduler_type_in&, pv_dom_scheduler_type_out&);
    pv_status scheduler_params(pv_call*, const pv_obj*, const pv_dom_scheduler_params_in&, pv_dom_scheduler_params_out&);
    pv_status set_scheduler_params(pv_call*, const pv_obj*, const pv_dom_set_scheduler_params_in&,
                                   pv_dom_set_scheduler_params_out&);

  private:

    // A change of what runs, of what is defined, or of both. `edit` is tried on copies before anything happens; `live` does
    // to the running guest what the edit says, given its description before and after. Both may be run on any thread.
    struct Change {
        std::function<Status(Domain&, bool live)> edit;
        std::function<Task(RunPtr, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after)> live;
        std::function<void(const Guest&)> tell; // under the guest's lock, when the live description shows it
    };
    pv_status apply(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* what, Change change);
    Task apply_to(sdk::OperationPtr op, GuestPtr guest, std::uint32_t flags, std::shared_ptr<const Change> change);

    // Of the description that the flags mean (one_of()): they are checked, errors become the answer.
    template <typename Use>
    pv_status read(pv_call* call, const pv_obj* obj, std::uint32_t flags, std::uint32_t known, const char* function, Use&& use) {
        if (const Status ok = check_flags(flags, known, function); !ok) return answer(call, ok);
        const GuestPtr guest = guest_of(obj);
        bool live = false;
        const auto domain = one_of(*guest, flags, &live);
        if (!domain) return answer(call, domain.error());
        return answer(call, use(*guest, **domain, live));
    }

    // ops_memory.cpp
    Task set_balloon(RunPtr run, std::uint64_t kib);
    // ops_vcpus.cpp
    Task count_in_guest(GuestPtr guest, pv_call* call, std::int32_t* count);
    Task switch_in_guest(GuestPtr guest, std::uint32_t count, pv_call* call);
    // vcpu_plug.cpp
    Task change_vcpus(sdk::OperationPtr op, GuestPtr guest, pv_dom_set_vcpus_in in);
    Task switch_vcpus(sdk::OperationPtr op, GuestPtr guest, sdk::xml::CpuSet set, bool on, std::uint32_t flags);
    Task plug(RunPtr run, std::uint32_t vcpu);
    Task unplug(RunPtr run, std::uint32_t vcpu);
    // ops_iothreads.cpp
    Task plug_iothread(RunPtr run, std::shared_ptr<const Domain> after, std::uint32_t id);
    Task unplug_iothread(RunPtr run, std::uint32_t id);
    Task poll_iothread(RunPtr run, sdk::domain::IoThread wanted);
    Task pin_threads(RunPtr run, Within where, sdk::xml::CpuSet set);

    // ops_params.cpp, ops_scheduler.cpp, ops_bandwidth.cpp
    Task limit_memory(RunPtr run, std::shared_ptr<const Domain> after);
    Task limit_blkio(RunPtr run, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after);
    Task move_memory(RunPtr run, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after);
    Task tune_scheduler(RunPtr run, std::shared_ptr<const Domain> before, std::shared_ptr<const Domain> after);
    Task limit_interface(RunPtr run, std::string device, std::shared_ptr<const Domain> after);

    void add_map(pv_records* to, const sdk::xml::CpuSet& set) const;
    // Posts PV_EVENT_DOMAIN_TUNABLE.
    void tell_tunable(const Guest& guest, const std::vector<pv_param>& params) const PV_REQUIRES(guest.mu);
};

} // namespace polyvirt::qemu
