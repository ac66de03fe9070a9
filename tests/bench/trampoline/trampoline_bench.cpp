// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What it costs to enter a driver: from Instance::enter() until finished() has returned, for an op that does
// nothing. `bare` is the indirect call alone; `glue` the same into a method through the C++ glue's barrier; `call` making
// and dropping the call object, which dispatch does in any case.
#include <cstdlib>
#include <filesystem>

#include <benchmark/benchmark.h>

#include <polyvirt/slots.h>

#include "host/plugin/driver_instance.h"
#include "host/plugin/manager.h"
#include "host/plugin/service.h"
#include "host/work/worker_pool.h"

using namespace polyvirt;
using namespace polyvirt::plugin;

namespace {

struct In {
    std::uint32_t size, flags;
};
struct Out {
    std::uint32_t size, pad;
};
struct Method {
    pv_status op(pv_call*, const pv_obj*, const In& in, Out&) { return in.flags == 0 ? PV_FAIL : PV_OK; }
    [[nodiscard]] const Services& services() const { return s; }
    Services s;
};

struct Table {
    std::uint32_t size = sizeof(Table), pad = 0;
    OpFn op;
};

pv_status do_nothing(pv_inst*, pv_call*, const pv_obj*, const void*, void*) noexcept { return PV_OK; }
const Table kTable{sizeof(Table), 0, do_nothing};

pv_status create(pv_host*, const pv_host_root*, const char*, pv_inst** out) noexcept {
    static int inst = 0;
    *out = reinterpret_cast<pv_inst*>(&inst);
    return PV_OK;
}
const void* get_interface(pv_inst*, const char* id) noexcept {
    return std::string_view(id) == "bench/1" ? &kTable : nullptr;
}
pv_status start(pv_inst*, pv_call*, std::uint32_t) noexcept { return PV_OK; }
void stop(pv_inst*, std::uint32_t) noexcept {}
void destroy(pv_inst*) noexcept {}
pv_status probe(const char*, std::int32_t, pv_probe*) noexcept { return PV_OK; }

class NoSink final : public EventSink {
  public:
    pv_status encode(const Instance&, const pv_event&, EncodedEvent&) noexcept override { return PV_OK; }
    void deliver(std::span<const QueuedEvent>) noexcept override {}
};

class EmptyCall final : public plugin::Call {
  public:
    using plugin::Call::Call;
    void finished(pv_status) override {}
};

// One driver for all threads of a measurement.
struct Fixture {
    explicit Fixture(std::uint32_t concurrency) {
        auto generation = std::make_shared<Generation>();
        generation->manifest.id = "bench";
        generation->plugin = {sizeof(pv_plugin), PV_ABI_MINOR, 0, concurrency, "bench", "1", "b", probe, create,
                              get_interface, start, nullptr, stop, destroy, nullptr};
        const HostPaths paths{dir, dir, dir, dir, dir};
        auto made = DriverInstance::create(shared, paths, {generation, &catalog, &root, "main", "bench:///", ""});
        if (!made || !(*made)->start()) std::abort();
        instance = *made;
    }
    ~Fixture() {
        static_cast<void>(instance->stop(std::chrono::steady_clock::now() + std::chrono::seconds(10), PV_STOP_SHUTDOWN));
        std::filesystem::remove_all(dir);
    }
    std::string dir = std::filesystem::temp_directory_path() / ("pv-bench-" + std::to_string(::getpid()));
    work::WorkerPool pool{{}};
    NoSink sink;
    std::shared_ptr<HostShared> shared = std::make_shared<HostShared>(pool, sink, nullptr);
    pv_host_root root{sizeof(pv_host_root), PV_ABI_MINOR, "b", "b", find_service};
    // With flags to check, as most ops have.
    OpInfo ops[1] = {{"nothing", true, false, false, sizeof(In), sizeof(Out), offsetof(In, flags), 0xff, "virNothing"}};
    OpTable tables[1] = {{"bench/1", ops}};
    OpCatalog catalog{tables};
    std::shared_ptr<DriverInstance> instance;
};

std::unique_ptr<Fixture> g_fixture;
const auto g_caller = std::make_shared<const Caller>();

void bare(benchmark::State& state) {
    OpFn volatile fn = do_nothing;
    for (auto _ : state) benchmark::DoNotOptimize(fn(nullptr, nullptr, nullptr, nullptr, nullptr));
}
BENCHMARK(bare);

void glue(benchmark::State& state) {
    Method driver;
    const In in{sizeof in, 1};
    Out out{sizeof out, 0};
    pv_status (*volatile fn)(pv_inst*, pv_call*, const pv_obj*, const In*, Out*) = slot<&Method::op>;
    for (auto _ : state)
        benchmark::DoNotOptimize(fn(reinterpret_cast<pv_inst*>(&driver), nullptr, nullptr, &in, &out));
}
BENCHMARK(glue);

void call(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(std::make_shared<EmptyCall>(g_caller));
}
BENCHMARK(call);

template <std::uint32_t Concurrency> void enter(benchmark::State& state) {
    if (state.thread_index() == 0) g_fixture = std::make_unique<Fixture>(Concurrency);
    pv_obj obj{};
    obj.size = sizeof(obj);
    obj.handle = 1000 + static_cast<std::uint64_t>(state.thread_index());
    const In in{sizeof in, 1};
    Out out{sizeof out, 0};
    for (auto _ : state)
        g_fixture->instance->enter(std::make_shared<EmptyCall>(g_caller), op_number(0, 0), &obj, &in, &out);
    if (state.thread_index() == 0) g_fixture.reset();
}
BENCHMARK(enter<PV_CONCURRENCY_PARALLEL>)->Name("enter/parallel")->ThreadRange(1, 2);
BENCHMARK(enter<PV_CONCURRENCY_SERIAL_PER_OBJECT>)->Name("enter/serial_per_object")->ThreadRange(1, 2);

} // namespace

BENCHMARK_MAIN();
