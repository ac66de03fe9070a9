// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Driver: one instance of the storage plugin. It has the pools and what is done to them as a whole; the ops are in its
// parts, pool_ops.h and volume_ops.h. Entered by the host's workers, in parallel. Owned by entry.cpp.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/event.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>

#include "agent.h"
#include "backend.h"
#include "pool.h"
#include "sdk/operation.h"
#include "sdk/records.h"

namespace polyvirt::storage {

// The names of a pool's records.
inline std::string config_record(const std::string& name) { return name + ".xml"; }
inline std::string autostart_record(const std::string& name) { return "autostart/" + name + ".xml"; }
inline std::string making_record(const std::string& id) { return "making/" + id; }

// In the peer's words.
Error no_pool(const StoragePool& pool);
Error not_active(const StoragePool& pool);
Error has_jobs(const StoragePool& pool);
Error missing_backend(doc::PoolType type);

class Driver : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{.id = "storage",
                                          .version = POLYVIRT_VERSION,
                                          .uri = "storage",
                                          .kinds = "pool, volume",
                                          .serves = "pool, volume",
                                          .type = "storage",
                                          .error_domain = 18,
                                          .concurrency = plugin::Concurrency::parallel};
    using Implements = plugin::implements<>;
    static plugin::Claim probe(std::string_view uri, bool privileged);

    explicit Driver(const plugin::Services& services);

    // [init] start() answers when the pools that were active are there again, or will not be for a while.
    pv_status start(pv_call* call, std::uint32_t how) PV_NO_LOCKS_HELD;
    void stop(std::uint32_t why) PV_NO_LOCKS_HELD;

    // --- for the parts: any thread, but where it says worker ---
    using Table = sdk::ObjectTable<StoragePool>;
    using Body = std::function<Task<Status>(const sdk::OperationPtr&, const StoragePoolPtr&)>;

    [[nodiscard]] static StoragePoolPtr pool_of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] static StorageVolumePtr volume_of(const pv_obj* obj) { return *static_cast<StorageVolumePtr*>(obj->data); }
    [[nodiscard]] Table& pools() { return pools_; }
    [[nodiscard]] Agent& agent() { return agent_; }
    [[nodiscard]] const plugin::Loop& loop() const { return loop_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const sdk::Records& configs() const { return configs_; }
    [[nodiscard]] const sdk::Records& data() const { return data_; }
    [[nodiscard]] Backend& backend(doc::PoolType type) const { return *backends_.at(type); }
    [[nodiscard]] Place place_of(const StoragePool& pool, PoolDocument document) const;

    // Holds the pool's job, on a worker; the task ends the call. `what` is static text.
    pv_status with_job(pv_call* call, const StoragePoolPtr& pool, const char* what, Body body);
    // With its job. Errors: the back end's; the pool is inactive then.
    Task<Status> start_pool(StoragePoolPtr pool, PoolDocument document);
    Task<Status> stop_pool(StoragePoolPtr pool);
    Task<Status> refresh_pool(StoragePoolPtr pool);
    // One that is neither active nor defined goes.
    void drop_unwanted(const StoragePoolPtr& pool) PV_NO_LOCKS_HELD;
    // Notes what the answer of a back end says about it.
    void note_health(const StoragePoolPtr& pool, const Status& answer) const PV_NO_LOCKS_HELD;

    void show(StoragePool& pool) const PV_REQUIRES(pool.mu);
    void post(const StoragePool& pool, std::int32_t event) const PV_REQUIRES(pool.mu);
    void post_refresh(const StoragePool& pool) const PV_REQUIRES(pool.mu);
    // Takes over what a refresh found that began at `since` (the pool's clock).
    void take(const StoragePoolPtr& shared, StoragePool& pool, const Found& found, std::uint64_t since) PV_REQUIRES(pool.mu);
    // What was looked at anew: sizes, volumes that are known.
    void take_figures(StoragePool& pool, const Found& found) PV_REQUIRES(pool.mu);
    Status publish(pv_call* call, StoragePool& pool, const StorageVolumePtr& volume) PV_REQUIRES(pool.mu);
    void retire(StoragePool& pool, const StorageVolumePtr& volume) const PV_REQUIRES(pool.mu);

    pv_status answer(pv_call* call, const Status& status) const { return plugin::answer(s_, call, status); }
    // Writes a whole answer; too long for the reply is an error.
    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const;
    [[nodiscard]] static Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function);

  private:
    // startup.cpp
    class Revival;
    void load_config(const std::string& name, std::string_view xml);
    void load_autostart();
    void load_status(const std::string& name, std::string_view xml, const std::shared_ptr<Revival>& revival);
    Task<Status> revive_pool(StoragePoolPtr pool, PoolDocument document, std::shared_ptr<Revival> revival);
    void autostart_pools(const std::shared_ptr<Revival>& revival);
    Task<Status> autostart_pool(StoragePoolPtr pool, std::shared_ptr<Revival> revival);
    // Removes what is left of volumes that were in the making when the daemon ended, where it can be reached.
    void clear_up() PV_NO_LOCKS_HELD;
    Task<Status> clear_up_one(std::string record);

    plugin::Loop loop_;
    plugin::EventQueue events_;
    plugin::Watch patience_; // with the start
    Settings settings_;
    const sdk::Records configs_, statuses_, data_;
    Agent agent_;
    std::map<doc::PoolType, BackendPtr> backends_;
    Table pools_;
    Mutex left_mu_{Rank::leaf};
    std::vector<std::string> left_ PV_GUARDED_BY(left_mu_); // records of volumes that were in the making
};

} // namespace polyvirt::storage
