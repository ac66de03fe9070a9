// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Driver: one instance of the lxc plugin: what its parts, which have the ops (ops/), share. Owned by entry.cpp from
// create() to destroy().

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>
#include <polyvirt/subscription.h>

#include "guest.h"
#include "sdk/cgroup/cgroup.h"
#include "sdk/guests/definitions.h"

namespace polyvirt::lxc {

inline std::string status_record(const std::string& name) { return name + ".json"; }

Error invalid(std::string_view text); // operation_invalid

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
    using Implements = plugin::implements<>;
    static plugin::Claim probe(std::string_view uri, bool privileged);

    explicit Driver(const plugin::Services& services);
    virtual ~Driver();

    // [init]
    Status start(pv_call* call, std::uint32_t how) PV_NO_LOCKS_HELD;
    void stop(std::uint32_t why) PV_NO_LOCKS_HELD;
    // A client has gone on whose end a guest depends.
    void client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object);

    using Table = sdk::ObjectTable<Guest>;
    [[nodiscard]] Table& guests() { return guests_; }
    using Definitions = sdk::Definitions<Guest>;
    [[nodiscard]] Definitions& definitions() { return definitions_; }
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

    // Sets both, shows them in the registry.
    void set_state(Guest& guest, std::int32_t state, std::int32_t reason) const PV_REQUIRES(guest.mu);
    [[nodiscard]] const sdk::GuestNotices& notices() const { return notices_; }
    // The status record, brought up to date. Worker.
    [[nodiscard]] Status save_status(const GuestPtr& guest, pv_call* call) const PV_NO_LOCKS_HELD;

    // With the guest's job, on a worker: from here to its first instruction. `done` is called once.
    struct StartOptions {
        bool autodestroy = false;
    };
    void start_guest(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, StartOptions options);
    void start_defined(const sdk::OperationPtr& op, const GuestPtr& guest, StartOptions options);

  private:
    // startup.cpp
    void load_status(const std::string& name, std::string_view text);

    plugin::Loop loop_;
    sdk::GuestNotices notices_;
    plugin::Subscription networks_;
    const sdk::Records statuses_;
    sdk::cgroup::Tree tree_;
    Table guests_;
    Definitions definitions_;
    std::atomic<std::int32_t> next_id_{1};
};

} // namespace polyvirt::lxc
