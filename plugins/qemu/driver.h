// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Driver: one instance of the qemu plugin. Its methods named as ops are entered by the host's workers, in
// parallel; they are in one source per table (ops_*.cpp). Owned by entry.cpp from create() to destroy().

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/gen/dom_config.h>
#include <polyvirt/gen/dom_lifecycle.h>
#include <polyvirt/gen/hv_caps.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>
#include <polyvirt/subscription.h>

#include "beginning.h"
#include "capabilities/emulators.h"
#include "guest.h"
#include "hostdev/host_devices.h"
#include "moments/store.h"
#include "launch/confinement.h"
#include "part.h"
#include "sdk/domain/passes.h"
#include "sdk/guests/definitions.h"
#include "status.h"

namespace polyvirt::qemu {

class CheckpointOps;
class SaveOps;

// What is said of a guest that went between the look-up and its turn.
inline Error no_domain(const Guest& guest) { return guest.gone(); }

class Driver : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{.id = "qemu",
                                          .version = POLYVIRT_VERSION,
                                          .uri = "qemu",
                                          .kinds = "domain, snapshot, checkpoint",
                                          .uses = "network, network_port, pool, volume",
                                          .type = "QEMU",
                                          .error_domain = 10,
                                          .concurrency = plugin::Concurrency::parallel};
    using Implements = plugin::implements<
        ops::hv_caps::type, ops::hv_caps::version, ops::hv_caps::capabilities, ops::hv_caps::domain_capabilities,
        ops::hv_caps::max_vcpus, ops::hv_caps::domain_xml_to_native, ops::hv_caps::security_model,
        ops::hv_caps::cpu_model_names, ops::hv_caps::baseline_cpu, ops::hv_caps::baseline_hypervisor_cpu,
        ops::hv_caps::compare_cpu, ops::hv_caps::compare_hypervisor_cpu,
        ops::dom_config::define_xml, ops::dom_config::undefine, ops::dom_config::xml_desc, ops::dom_config::os_type,
        ops::dom_config::set_autostart,
        ops::dom_lifecycle::create_xml, ops::dom_lifecycle::create, ops::dom_lifecycle::shutdown, ops::dom_lifecycle::reboot,
        ops::dom_lifecycle::reset, ops::dom_lifecycle::destroy, ops::dom_lifecycle::suspend, ops::dom_lifecycle::resume>;
    static plugin::Claim probe(std::string_view uri, bool privileged);

    explicit Driver(const plugin::Services& services);
    virtual ~Driver();

    // [init]
    Status start(pv_call* call, std::uint32_t how) PV_NO_LOCKS_HELD;
    void stop(std::uint32_t why) PV_NO_LOCKS_HELD;
    // A client has gone on whose end a guest depends.
    void client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object);

    // pv.hv.caps (ops_caps.cpp)
    pv_status type(pv_call*, const pv_obj*, const pv_hv_type_in&, pv_hv_type_out&);
    pv_status version(pv_call*, const pv_obj*, const pv_hv_version_in&, pv_hv_version_out&);
    pv_status capabilities(pv_call*, const pv_obj*, const pv_hv_capabilities_in&, pv_hv_capabilities_out&);
    pv_status domain_capabilities(pv_call*, const pv_obj*, const pv_hv_domain_capabilities_in&,
                                  pv_hv_domain_capabilities_out&);
    pv_status max_vcpus(pv_call*, const pv_obj*, const pv_hv_max_vcpus_in&, pv_hv_max_vcpus_out&);
    pv_status domain_xml_to_native(pv_call*, const pv_obj*, const pv_hv_domain_xml_to_native_in&,
                                   pv_hv_domain_xml_to_native_out&);
    pv_status security_model(pv_call*, const pv_obj*, const pv_hv_security_model_in&, pv_hv_security_model_out&);
    // ops_cpu.cpp
    pv_status cpu_model_names(pv_call*, const pv_obj*, const pv_hv_cpu_model_names_in&, pv_hv_cpu_model_names_out&);
    pv_status baseline_cpu(pv_call*, const pv_obj*, const pv_hv_baseline_cpu_in&, pv_hv_baseline_cpu_out&);
    pv_status baseline_hypervisor_cpu(pv_call*, const pv_obj*, const pv_hv_baseline_hypervisor_cpu_in&,
                                      pv_hv_baseline_hypervisor_cpu_out&);
    pv_status compare_cpu(pv_call*, const pv_obj*, const pv_hv_compare_cpu_in&, pv_hv_compare_cpu_out&);
    pv_status compare_hypervisor_cpu(pv_call*, const pv_obj*, const pv_hv_compare_hypervisor_cpu_in&,
                                     pv_hv_compare_hypervisor_cpu_out&);
    // pv.dom.config (ops_config.cpp)
    pv_status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&);
    pv_status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_dom_xml_desc_in&, pv_dom_xml_desc_out&);
    pv_status os_type(pv_call*, const pv_obj*, const pv_dom_os_type_in&, pv_dom_os_type_out&);
    pv_status set_autostart(pv_call*, const pv_obj*, const pv_dom_set_autostart_in&, pv_dom_set_autostart_out&);
    // pv.dom.lifecycle (ops_lifecycle.cpp)
    pv_status create_xml(pv_call*, const pv_obj*, const pv_dom_create_xml_in&, pv_dom_create_xml_out&);
    pv_status create(pv_call*, const pv_obj*, const pv_dom_create_in&, pv_dom_create_out&);
    pv_status shutdown(pv_call*, const pv_obj*, const pv_dom_shutdown_in&, pv_dom_shutdown_out&);
    pv_status reboot(pv_call*, const pv_obj*, const pv_dom_reboot_in&, pv_dom_reboot_out&);
    pv_status reset(pv_call*, const pv_obj*, const pv_dom_reset_in&, pv_dom_reset_out&);
    pv_status destroy(pv_call*, const pv_obj*, const pv_dom_destroy_in&, pv_dom_destroy_out&);
    pv_status suspend(pv_call*, const pv_obj*, const pv_dom_suspend_in&, pv_dom_suspend_out&);
    pv_status resume(pv_call*, const pv_obj*, const pv_dom_resume_in&, pv_dom_resume_out&);

    // What a Run needs of its driver. Any thread.
    [[nodiscard]] const plugin::Loop& shared_loop() const { return loop_; }
    [[nodiscard]] Confinement& confinement() { return confinement_; }
    [[nodiscard]] HostDevices& host_devices() { return host_devices_; }
    [[nodiscard]] const Settings& settings() const { return confinement_.settings(); }
    [[nodiscard]] Emulators& emulators() { return emulators_; }
    // Sets both, shows them in the registry.
    void set_state(Guest& guest, std::int32_t state, std::int32_t reason) const PV_REQUIRES(guest.mu);
    // Brings the registry up to date with the guest.
    void show(const Guest& guest) const PV_REQUIRES(guest.mu) { notices_.show(guest); }
    void post_lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const PV_REQUIRES(guest.mu) {
        notices_.lifecycle(guest, event, detail);
    }
    template <typename Payload>
    void post_event(const Guest& guest, std::int32_t id, const Payload* payload) const PV_REQUIRES(guest.mu) {
        notices_.post(guest, id, *payload);
    }
    // Asked before an event is made that comes often or takes something to make.
    [[nodiscard]] bool wants_event(std::int32_t id) const { return notices_.wanted(id); }
    // Brings the status record up to date, on a worker; then `done`, there.
    void save_status(const GuestPtr& guest, std::function<void(const Status&)> done) const;
    [[nodiscard]] Status save_status_now(const GuestPtr& guest, pv_call* call) const PV_NO_LOCKS_HELD;
    // The emulator has ended and the guest shows it: a transient one goes.
    void guest_stopped(const GuestPtr& guest) PV_NO_LOCKS_HELD;
    void begin_destroy(const GuestPtr& guest, bool graceful, const std::function<void(const Status&)>& done);

    // For parts; any thread but where it says worker.
    using Table = sdk::ObjectTable<Guest>;
    [[nodiscard]] static GuestPtr guest_of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] Table& guests() { return guests_; }
    // A document of a domain, completed and checked. Worker.
    [[nodiscard]] Result<Domain> parse(std::string_view xml, bool validate = false);
    using Edit = std::function<Status(Domain&)>;
    // Changes a copy of the persistent description with `edit`, completes and checks it, and puts it on disk before it
    // is the guest's. With the guest's job; worker. Errors: those of `edit`, operation_invalid for a transient guest.
    [[nodiscard]] Status edit_config(const GuestPtr& guest, pv_call* call, const Edit& edit) PV_NO_LOCKS_HELD;
    // What edit_config() would make of it, not kept: for calls that change both descriptions or neither.
    [[nodiscard]] Result<Domain> edited_config(const GuestPtr& guest, const Edit& edit) PV_NO_LOCKS_HELD;
    // Makes a whole description the persistent one, on disk first. Worker, with the guest's job.
    [[nodiscard]] Status put_config(const GuestPtr& guest, const Domain& domain, pv_call* call) PV_NO_LOCKS_HELD {
        return definitions_.put(guest, domain, call);
    }
    // Changes a copy of the live description, which then replaces it; nothing where the guest has ended. Leaf.
    void edit_live(Guest& guest, const std::function<void(Domain&)>& edit) const PV_REQUIRES(guest.mu);
    // Another name for a domain that doesn't run. Worker, with the guest's job; that guest is gone afterwards.
    [[nodiscard]] Status rename_guest(const GuestPtr& guest, const std::string& name, pv_call* call) PV_NO_LOCKS_HELD;
    // Passes and checks; after parsing, and after every change. Worker.
    [[nodiscard]] Status settle(Domain& domain);
    // What the peer fills in, without checks and places. Worker.
    [[nodiscard]] Status fill_defaults(Domain& domain);
    // Passes without this driver's checks, which are for what a client writes. Worker.
    [[nodiscard]] Status complete(Domain& domain);
    // The status record is on disk. Goes on on a worker.
    [[nodiscard]] sdk::Async<Status> saved(const GuestPtr& guest) const;

    // With the guest's job; the second as a part of `op`, which goes on.
    void start_guest(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, const StartOptions& options);
    [[nodiscard]] sdk::Async<Status> started(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, StartOptions options);
    [[nodiscard]] MomentStore& moments() { return moments_; }
    // Parts that the driver itself has to do with.
    [[nodiscard]] virtual SaveOps& saving() = 0;
    [[nodiscard]] virtual CheckpointOps& checkpoints() = 0;

  private:
    // startup.cpp
    struct Found { // an emulator of an earlier daemon's
        GuestPtr guest;
        std::shared_ptr<Run> run;
        StatusRecord record;
    };
    [[nodiscard]] std::vector<Found> load_statuses();
    void load_status(const std::string& name, std::string_view text, std::vector<Found>& found);
    void reconnect(Found found, const std::set<Uuid>& saved);
    void clear_cut_start(const StatusRecord& record);

    // What questions about a hypervisor name it by; null: the usual one.
    struct TargetNames {
        const char *emulator, *arch, *machine, *virt_type;
    };
    struct Target {
        EmulatorPtr emulator;
        const Machine* machine; // of the emulator
        std::string type;       // "qemu", "kvm"
    };
    // Errors: invalid_arg. ops_caps.cpp
    [[nodiscard]] Result<Target> find_target(const TargetNames& names);

    [[nodiscard]] sdk::domain::HostContext host_context();
    // Makes of <cpu> what this domain's emulator is asked for. Worker.
    [[nodiscard]] Status settle_cpu(Domain& domain);
    pv_status answer(pv_call* call, const Status& status) const { return plugin::answer(s_, call, status); }
    // Writes a whole answer; too long for the reply is an error.
    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const {
        return sdk::give(s_, call, sink, text, ErrorDomain::qemu);
    }
    [[nodiscard]] Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function) const {
        return sdk::check_flags(flags, known, function, ErrorDomain::qemu);
    }
    [[nodiscard]] pv_status with_job(pv_call* call, const pv_obj* obj, const char* what,
                                     std::function<void(const sdk::OperationPtr&, const GuestPtr&)> body);
    // The run of an active guest, or "domain is not running".
    [[nodiscard]] Result<std::shared_ptr<Run>> run_of(Guest& guest) const;

    void finish_undefine(const sdk::OperationPtr& op, const GuestPtr& guest, std::uint32_t flags);
    // Removes the file of firmware variables, or says why it may not be left behind. Worker.
    [[nodiscard]] Status settle_nvram(const Domain& config, std::uint32_t flags) const;
    [[nodiscard]] Result<std::string> link_nvram(Domain& domain, const std::string& old_name) const; // metadata/rename.cpp
    // Where guests' firmware variables stand; made when the first is needed.
    [[nodiscard]] std::string nvram_folder() const;
    // From its persistent description.
    void start_defined(const sdk::OperationPtr& op, const GuestPtr& guest, const StartOptions& options);
    void launch_guest(const sdk::OperationPtr& op, const GuestPtr& guest, const std::shared_ptr<Domain>& live, const StartOptions& options);

    // Which flags of a call stand for the power button and for the agent.
    struct PowerFlags {
        std::uint32_t button, agent;
    };
    [[nodiscard]] pv_status ask_power(pv_call* call, const pv_obj* obj, const char* what, std::uint32_t flags, PowerFlags known,
                                      bool reboot);
    void tie_to_client(const sdk::OperationPtr& op, const GuestPtr& guest, Run& run);

    plugin::Loop loop_;
    sdk::GuestNotices notices_;
    const sdk::Records statuses_;
    MomentStore moments_;
    Confinement confinement_;
    HostDevices host_devices_;
    Emulators emulators_;
    Table guests_;
    sdk::Definitions<Guest> definitions_;
    std::atomic<std::int32_t> next_id_{1};
    plugin::Subscription networks_;
};

} // namespace polyvirt::qemu
