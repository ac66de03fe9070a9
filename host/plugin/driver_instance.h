// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What stands behind Instance: the driver's side of it and its life. The PluginManager drives the life on one
// thread at a time; enter() is trampoline.cpp.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/plugin/context.h"
#include "host/plugin/in_flight.h"
#include "host/plugin/instance.h"
#include "host/plugin/loader.h"
#include "host/plugin/strands.h"

namespace polyvirt::plugin {

class DriverInstance final : public Instance {
  public:
    struct Setup {
        std::shared_ptr<const Generation> generation;
        const OpCatalog* catalog;
        const pv_host_root* root;
        std::string key, uri;
        std::string folder_key; // empty: the plugin's own folders
    };
    // Makes the loop thread, then the driver's side: create() and its tables. [load]
    static Result<std::shared_ptr<DriverInstance>> create(std::shared_ptr<HostShared> shared, const HostPaths& paths,
                                                          Setup setup);
    ~DriverInstance() override;

    // [init] The driver's start(); waits for it if it answers later.
    Status start();
    // [init] Refuses calls, waits for those in flight, then stop() (if it was started), releases, destroy().
    // False: something is still in use at `until`; then the driver is left as it is, and this lives until it is not.
    // May be called again then.
    bool stop(std::chrono::steady_clock::time_point until, std::uint32_t why);
    // `why` is static text, "is being stopped": what further calls are told of the driver.
    void refuse_calls(const char* why = nullptr);
    // Any thread; returns at once. The driver is told on a worker, in its turn, that the configuration has changed, if
    // it wants to know; once more if it changes meanwhile. Its errors are logged, and it goes on as it was.
    void configuration_changed();
    // A client has gone; what was stored for it (Clients) is told to the driver on its loop.
    void tell_closed(std::uint64_t client, std::vector<Clients::Close> closes);

    const std::string& plugin_id() const override { return setup_.generation->manifest.id; }
    const std::string& type_name() const override { return setup_.generation->manifest.type; }
    ErrorDomain error_domain() const override {
        return static_cast<ErrorDomain>(setup_.generation->manifest.error_domain);
    }
    const std::string& key() const override { return setup_.key; }
    const std::string& canonical_uri() const override { return setup_.uri; }
    InstanceState state() const override { return state_.load(); }
    bool has_kind(std::uint32_t kind) const override;
    bool implements(std::uint32_t op) const noexcept override { return find(op) != nullptr; }
    void enter(std::shared_ptr<Call> call, std::uint32_t op, const pv_obj* obj, const void* in,
               void* out) override PV_ENTERS_DRIVER;
    Registry& registry() override { return host_.registry; }
    pv_host* host() override { return &host_; }
    bool post(std::function<void()> f) override { return host_.post(std::move(f)); }
    Stats stats() const override;
    // PV_CONCURRENCY_*: what the plugin declared or, from start() on, what this instance lowered it to.
    [[nodiscard]] std::uint32_t concurrency() const noexcept { return concurrency_.load(std::memory_order_relaxed); }
    [[nodiscard]] const Manifest& manifest() const { return setup_.generation->manifest; }
    [[nodiscard]] const OpCatalog& catalog() const { return *setup_.catalog; }
    void call_ended() noexcept override { in_flight_.leave(); }
    void note_misbehaviour() noexcept override { mended_.fetch_add(1, std::memory_order_relaxed); }
    void note_failure() noexcept override { failed_.fetch_add(1, std::memory_order_relaxed); }

  private:
    struct Table {
        std::vector<OpFn> fns;
        const OpTable* spec = nullptr;
    };

    DriverInstance(std::shared_ptr<HostShared> shared, const HostPaths& paths, Setup setup);
    Status make();
    Status copy_tables();
    [[nodiscard]] OpFn find(std::uint32_t op) const noexcept;
    [[nodiscard]] std::uint64_t strand_key(const pv_obj* obj) const noexcept;
    [[nodiscard]] unsigned share_of(std::uint64_t key) const noexcept;
    pv_status call_driver(Entry& entry) const;
    void enter_in_turn(std::uint64_t key, Entry entry);
    class Reconfigure;
    void submit_reconfigure();
    void reconfigured(const Status& done);
    void run_strand(std::uint64_t key, Entry entry);
    static void refuse(const std::shared_ptr<Call>& call, Error error, pv_status status);
    bool release_all(std::chrono::steady_clock::time_point until);
    void forget_handles();

    const std::shared_ptr<HostShared> shared_;
    const Setup setup_;
    const pv_plugin& plugin_;
    pv_host host_;
    std::vector<Table> tables_; // by number; constant after make()
    InFlight in_flight_;
    Strands strands_;
    std::atomic<std::uint32_t> concurrency_;
    std::atomic<InstanceState> state_{InstanceState::created};
    std::atomic<const char*> why_refused_{"is being stopped"};
    bool started_ = false; // start() has succeeded, and stop() has not run. [init]
    std::atomic<std::uint64_t> mended_{0}, failed_{0};
    // How often the configuration has changed since the driver was last through with it: one at a time tells it.
    std::atomic<unsigned> changes_{0};
};

} // namespace polyvirt::plugin
