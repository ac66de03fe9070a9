// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Driver: one instance of the lxc plugin. Its methods named as ops are entered by the host's workers, in parallel;
// those about descriptions are here (ops_config.cpp), the others in parts (ops/). Owned by entry.cpp from create() to
// destroy().

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/event.h>
#include <polyvirt/gen/dom_config.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>
#include <polyvirt/subscription.h>

#include "guest.h"
#include "sdk/cgroup/cgroup.h"
#include "sdk/object_table.h"
#include "sdk/operation.h"
#include "sdk/records.h"
#include "sdk/task.h"

namespace polyvirt::lxc {

// The names of a domain's records.
inline std::string config_record(const std::string& name) { return name + ".xml"; }
inline std::string autostart_record(const std::string& name) { return "autostart/" + name + ".xml"; }
inline std::string status_record(const std::string& name) { return name + ".json"; }

// What is said of a guest that went between the look-up and its turn.
Error no_domain(const Guest& guest);
Error invalid(std::string_view text); // operation_invalid
// In the peer's words; `function` is its name for the call.
Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function);

class Driver : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{.id = "lxc",
                                          .version = POLYVIRT_VERSION,
                                          .uri = "lxc",
                                          .kinds = "domain",
                                          .uses = "network, network_port",
                                          .type = "LXC",
                                          .error_domain = 17,
                                          .concurrency = plugin::Concurrency::parallel};
    using Implements =
        plugin::implements<ops::dom_config::define_xml, ops::dom_config::undefine, ops::dom_config::xml_desc,
                           ops::dom_config::os_type, ops::dom_config::set_autostart>;
    static plugin::Claim probe(std::string_view uri, bool privileged);

    explicit Driver(const plugin::Services& services);
    virtual ~Driver();

    // [init]
    Status start(pv_call* call, std::uint32_t how) PV_NO_LOCKS_HELD;
    void stop(std::uint32_t why) PV_NO_LOCKS_HELD;
    // A client has gone on whose end a guest depends.
    void client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object);

    // pv.dom.config (ops_config.cpp)
    pv_status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&);
    pv_status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in&, pv_dom_undefine_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_dom_xml_desc_in&, pv_dom_xml_desc_out&);
    pv_status os_type(pv_call*, const pv_obj*, const pv_dom_os_type_in&, pv_dom_os_type_out&);
    pv_status set_autostart(pv_call*, const pv_obj*, const pv_dom_set_autostart_in&, pv_dom_set_autostart_out&);

    using Table = sdk::ObjectTable<Guest>;
    [[nodiscard]] static GuestPtr guest_of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] Table& guests() { return guests_; }
    [[nodiscard]] const plugin::Loop& loop() const { return loop_; }
    [[nodiscard]] std::int32_t next_id() { return next_id_.fetch_add(1); }
    // Process 1 of a domain's container; none: it does not run.
    [[nodiscard]] std::optional<std::int64_t> init_of(const std::string& name) const PV_NO_LOCKS_HELD;
    // The control groups of a domain; paths alone.
    [[nodiscard]] sdk::cgroup::Group group(const Domain& domain, std::int32_t id) const;

    // A document of a domain, completed and checked. Worker.
    [[nodiscard]] Result<Domain> parse(std::string_view xml, bool validate = false) const;
    // Passes and checks; after parsing, and after every change.
    [[nodiscard]] static Status settle(Domain& domain);
    using Edit = std::function<Status(Domain&)>;
    // Changes a copy of the persistent description with `edit`, completes and checks it, and puts it on disk before it
    // is the guest's. With the guest's job; worker. Errors: those of `edit`, operation_invalid for a transient guest.
    [[nodiscard]] Status edit_config(const GuestPtr& guest, pv_call* call, const Edit& edit) PV_NO_LOCKS_HELD;
    // Changes a copy of the live description, which then replaces it, and saves that. Worker.
    [[nodiscard]] Status edit_live(const GuestPtr& guest, const Edit& edit) PV_NO_LOCKS_HELD;
    [[nodiscard]] Status put_config(const GuestPtr& guest, const Domain& domain, pv_call* call) PV_NO_LOCKS_HELD;
    [[nodiscard]] Status rename_guest(const GuestPtr& guest, const std::string& name, pv_call* call) PV_NO_LOCKS_HELD;

    void set_state(Guest& guest, std::int32_t state, std::int32_t reason) const PV_REQUIRES(guest.mu);
    // Brings the registry up to date with the guest.
    void show(Guest& guest) const PV_REQUIRES(guest.mu);
    void post_lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const PV_REQUIRES(guest.mu);
    template <typename Payload>
    void post_event(const Guest& guest, std::int32_t id, Payload payload) const PV_REQUIRES(guest.mu) {
        events_.post(PV_KIND_DOMAIN, id,
                     {.handle = guest.handle, .uuid = guest.uuid, .name = guest.name, .dom_id = guest.id}, payload);
    }
    // The status record, brought up to date. Worker.
    [[nodiscard]] Status save_status(const GuestPtr& guest, pv_call* call) const PV_NO_LOCKS_HELD;

    // With the guest's job, on a worker: from here to its first instruction. `done` is called once.
    struct StartOptions {
        bool autodestroy = false;
    };
    void start_guest(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, StartOptions options);
    void start_defined(const sdk::OperationPtr& op, const GuestPtr& guest, StartOptions options);

    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const;
    [[nodiscard]] pv_status answer(pv_call* call, const Status& status) const {
        return plugin::answer(s_, call, status);
    }
    using Body = std::function<void(const sdk::OperationPtr&, const GuestPtr&)>;
    [[nodiscard]] pv_status with_job(pv_call* call, const pv_obj* obj, const char* what, Body body) const;

  private:
    // startup.cpp
    void load_configs();
    void load_config(const std::string& name, std::string_view xml);
    void load_autostart();
    void load_statuses();
    void load_status(const std::string& name, std::string_view text);
    void autostart_guests();

    struct Definition; // ops_config.cpp
    pv_status define_config(pv_call* call, const std::shared_ptr<const Definition>& definition,
                            pv_dom_define_xml_out& out);
    void finish_define(const sdk::OperationPtr& op, const GuestPtr& guest,
                       const std::shared_ptr<const Definition>& definition, bool fresh, pv_dom_define_xml_out& out);
    void finish_undefine(const sdk::OperationPtr& op, const GuestPtr& guest);

    plugin::Loop loop_;
    plugin::EventQueue events_;
    plugin::Subscription networks_;
    const sdk::Records configs_, statuses_;
    sdk::cgroup::Tree tree_;
    Table guests_;
    std::atomic<std::int32_t> next_id_{1};
};

} // namespace polyvirt::lxc
