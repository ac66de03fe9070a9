// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A driver made of lambdas, the manager-side things it needs, calls that can be waited for, and small waits.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/plugin/context.h"
#include "host/plugin/driver_instance.h"
#include "host/plugin/manager.h"
#include "host/plugin/service.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

inline SteadyClock::time_point soon() { return SteadyClock::now() + 20s; }

// Something that a test waits for, from any thread.
class Signal {
  public:
    void set() {
        const LeafLock lock(mu_);
        ++count_;
        cv_.notify_all();
    }
    [[nodiscard]] bool wait(int times = 1) {
        const auto until = soon();
        LeafLock lock(mu_);
        while (count_ < times)
            if (!cv_.wait_until(lock, until)) return count_ >= times;
        return true;
    }
    [[nodiscard]] int count() {
        const LeafLock lock(mu_);
        return count_;
    }

  private:
    Mutex mu_{Rank::leaf};
    CondVar cv_;
    int count_ PV_GUARDED_BY(mu_) = 0;
};

template <typename F> bool eventually(F&& f) {
    const auto until = soon();
    while (!f()) {
        if (SteadyClock::now() > until) return false;
        std::this_thread::yield();
    }
    return true;
}

class TempDir {
  public:
    TempDir() {
        std::string name = std::filesystem::temp_directory_path() / "pv-plugin-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~TempDir() { std::filesystem::remove_all(path_); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] HostPaths host_paths() const {
        return {path_ + "/etc", path_ + "/state", path_ + "/run", path_ + "/cache", path_ + "/log"};
    }

  private:
    std::string path_;
};

class TestCall final : public Call {
  public:
    explicit TestCall(std::uint64_t client = 1) : Call(make_caller(client)) {}
    void finished(pv_status s) override {
        status = s;
        if (s < 0) error = take_error(s);
        finished_on = std::this_thread::get_id();
        done.set();
    }
    static std::shared_ptr<const Caller> make_caller(std::uint64_t client) {
        Caller caller;
        caller.client = client;
        caller.uid = 1000;
        caller.user = "alice";
        return std::make_shared<const Caller>(caller);
    }
    pv_status status = PV_PENDING;
    Error error;
    std::thread::id finished_on;
    Signal done;
};

// Takes every event whose id is not negative; remembers names in order of delivery.
class TestSink final : public EventSink {
  public:
    pv_status encode(const Instance&, const pv_event& event, EncodedEvent& encoded) noexcept override {
        if (event.id < 0) return PV_ABI;
        encoded = {std::make_shared<int>(event.id), sizeof(int)};
        return PV_OK;
    }
    void deliver(std::span<const QueuedEvent> batch) noexcept override {
        const LeafLock lock(mu);
        for (const QueuedEvent& event : batch) names.push_back(event.name);
    }
    bool wanted(const Instance&, std::uint32_t, std::int32_t) const noexcept override { return listening; }
    std::atomic<bool> listening{true};
    std::vector<std::string> seen() {
        const LeafLock lock(mu);
        return names;
    }
    Mutex mu{Rank::leaf};
    std::vector<std::string> names PV_GUARDED_BY(mu);
};
inline constexpr std::uint32_t kOpBlock = op_number(1, 0), kOpQuick = op_number(1, 1), kOpAlways = op_number(1, 2),
                               kOpAbsent = op_number(1, 3);

inline const OpCatalog& test_catalog() {
    static const OpInfo ops[] = {{"block", true, false}, {"quick", false, false}, {"always", true, true}, {"absent"}};
    static const OpTable tables[] = {{}, {"test.ops/1", ops}};
    static const OpCatalog catalog{tables};
    return catalog;
}

// The driver: its pv_inst is this object.
struct FakeDriver {
    using Op = std::function<pv_status(pv_call*, const pv_obj*, const void*, void*)>;
    Op block, quick, always;
    std::function<pv_status(pv_call*, std::uint32_t how)> on_start;
    std::function<pv_status(pv_call*)> on_reconfigure;
    std::function<void()> on_stop, on_destroy;
    std::function<void(std::uint64_t client, std::uint32_t kind, std::uint64_t object)> on_closed;
    pv_host* host = nullptr;
    std::uint32_t lowered = 0; // no model: as declared

    struct Table {
        std::uint32_t size = sizeof(Table), pad = 0;
        OpFn block, quick, always, absent;
    } table{sizeof(Table), 0, op<&FakeDriver::block>, op<&FakeDriver::quick>, op<&FakeDriver::always>, nullptr};
    pv_client client_iface{sizeof(pv_client), 0, closed};

    static FakeDriver*& current() {
        static FakeDriver* driver = nullptr;
        return driver;
    }
    static FakeDriver& of(pv_inst* inst) { return *reinterpret_cast<FakeDriver*>(inst); }
    template <Op FakeDriver::*Member>
    static pv_status op(pv_inst* i, pv_call* call, const pv_obj* obj, const void* in, void* out) noexcept {
        const Op& f = of(i).*Member;
        return f ? f(call, obj, in, out) : pv_status{PV_OK};
    }
    static void closed(pv_inst* i, std::uint64_t client, std::uint32_t kind, std::uint64_t object) noexcept {
        if (of(i).on_closed) of(i).on_closed(client, kind, object);
    }
    static pv_status create(pv_host* host, const pv_host_root*, const char*, pv_inst** out) noexcept {
        current()->host = host;
        *out = reinterpret_cast<pv_inst*>(current());
        return PV_OK;
    }
    static const void* get_interface(pv_inst* i, const char* id) noexcept {
        if (std::string_view(id) == "test.ops/1") return &of(i).table;
        if (std::string_view(id) == PV_IFACE_CLIENT) return &of(i).client_iface;
        return nullptr;
    }
    static pv_status start(pv_inst* i, pv_call* call, std::uint32_t how) noexcept {
        return of(i).on_start ? of(i).on_start(call, how) : pv_status{PV_OK};
    }
    static pv_status reconfigure(pv_inst* i, pv_call* call) noexcept {
        return of(i).on_reconfigure ? of(i).on_reconfigure(call) : pv_status{PV_OK};
    }
    static void stop(pv_inst* i, std::uint32_t) noexcept {
        if (of(i).on_stop) of(i).on_stop();
    }
    static void destroy(pv_inst* i) noexcept {
        if (of(i).on_destroy) of(i).on_destroy();
    }
    static std::uint32_t instance_concurrency(pv_inst* i) noexcept { return of(i).lowered; }
    static pv_status probe(const char*, std::int32_t, pv_probe*) noexcept { return PV_OK; }
};

// An instance of the fake driver, started, and stopped at the end of the test.
class DriverTest : public ::testing::Test {
  protected:
    std::shared_ptr<DriverInstance> make(std::uint32_t concurrency = PV_CONCURRENCY_PARALLEL) {
        auto generation = std::make_shared<Generation>();
        generation->manifest.id = "fake";
        generation->manifest.kinds = {PV_KIND_DOMAIN};
        generation->plugin = {sizeof(pv_plugin), PV_ABI_MINOR, 0, concurrency, "fake", "1", "t", FakeDriver::probe,
                              FakeDriver::create, FakeDriver::get_interface, FakeDriver::start, FakeDriver::reconfigure,
                              FakeDriver::stop, FakeDriver::destroy, FakeDriver::instance_concurrency};
        FakeDriver::current() = &driver;
        auto made = DriverInstance::create(shared, dir.host_paths(), {generation, &test_catalog(), &root, "main",
                                                                      "fake:///main", ""});
        if (!made) {
            ADD_FAILURE() << made.error().message;
            return nullptr;
        }
        instance = *made;
        return instance;
    }
    pv_host* started(std::uint32_t concurrency = PV_CONCURRENCY_PARALLEL) {
        make(concurrency);
        const Status status = instance->start();
        EXPECT_TRUE(status) << status.error().message;
        return instance->host();
    }
    void TearDown() override {
        const bool running = instance && instance->state() != InstanceState::stopped;
        EXPECT_TRUE(!running || instance->stop(soon(), PV_STOP_SHUTDOWN));
    }
    std::shared_ptr<TestCall> enter(std::uint32_t op, const pv_obj* obj = nullptr) {
        auto call = std::make_shared<TestCall>();
        instance->enter(call, op, obj, nullptr, nullptr);
        return call;
    }
    // Enters on a worker, as dispatch does.
    std::shared_ptr<TestCall> enter_on_worker(std::uint32_t op, const pv_obj* obj = nullptr) {
        auto call = std::make_shared<TestCall>();
        EXPECT_TRUE(pool.submit([this, call, op, obj] { instance->enter(call, op, obj, nullptr, nullptr); }, false));
        return call;
    }
    template <typename T> const T* service(const char* id) const {
        return static_cast<const T*>(find_service(nullptr, id, sizeof(T)));
    }

    TempDir dir;
    work::WorkerPool pool{{}};
    TestSink sink;
    std::shared_ptr<HostShared> shared = std::make_shared<HostShared>(pool, sink, nullptr);
    pv_host_root root{sizeof(pv_host_root), PV_ABI_MINOR, "t", "t", find_service};
    FakeDriver driver;
    std::shared_ptr<DriverInstance> instance;
};

} // namespace polyvirt::plugin
