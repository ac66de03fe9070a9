// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/driver_instance.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/call_handles.h"
#include "host/plugin/host_call.h"
#include "host/plugin/manager.h"
#include "host/plugin/service.h"
#include "host/plugin/thread_kind.h"

pv_host::pv_host(polyvirt::plugin::HostShared& s, const polyvirt::plugin::HostPaths& paths, std::string id,
                 const std::string& folder_key, const std::string& file)
    : shared(s), plugin_id(std::move(id)),
      loop(std::make_unique<polyvirt::plugin::HostLoop>("lp:" + plugin_id.substr(0, 12), 0, s.watchdog)),
      strand(std::make_shared<polyvirt::plugin::Strand>(polyvirt::plugin::StrandOwner{plugin_id, &census, &callbacks}, loop->loop,
                                                        s.loops, nullptr)),
      // Release functions are the driver's code; on its loop, no lock of anybody's is held.
      registry([this](std::function<void()> f) { static_cast<void>(post(std::move(f))); }, &census),
      jobs(std::make_shared<polyvirt::plugin::JobQueue>(s.pool)), folders(paths, plugin_id, folder_key, file) {}

namespace polyvirt::plugin {
namespace {

// Left behind in the run folder while an instance is started: tells a crash from a clean stop.
constexpr const char* kRunning = ".running";

} // namespace

Result<std::shared_ptr<DriverInstance>> DriverInstance::create(std::shared_ptr<HostShared> shared,
                                                               const HostPaths& paths, Setup setup) {
    const std::string what = setup.generation->manifest.id + "/" + setup.key;
    try {
        std::shared_ptr<DriverInstance> instance(new DriverInstance(std::move(shared), paths, std::move(setup)));
        PV_TRY(instance->make());
        return instance;
    } catch (const std::exception& e) { // no thread, no descriptor, no memory
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "driver '{}' cannot be made: {}", what,
                          e.what());
    }
}

DriverInstance::DriverInstance(std::shared_ptr<HostShared> shared, const HostPaths& paths, Setup setup)
    : shared_(std::move(shared)), setup_(std::move(setup)), plugin_(setup_.generation->plugin),
      host_(*shared_, paths, setup_.generation->manifest.id, setup_.folder_key, setup_.generation->path), concurrency_(plugin_.concurrency) {}

DriverInstance::~DriverInstance() { forget_handles(); }

Status DriverInstance::make() {
    host_.instance = weak_from_this();
    CallHandles::know(shared_from_this());
    pv_status status = PV_FAIL;
    {
        const ThreadKind kind(PV_THREAD_INIT);
        status = plugin_.create(&host_, setup_.root, setup_.key.c_str(), &host_.inst);
    }
    if (status == PV_OK && host_.inst != nullptr) return copy_tables();
    state_ = InstanceState::failed;
    return make_error(ErrorCode::internal_error, ErrorDomain::none,
                      "driver '{}' refused to make its instance '{}' (status {})", plugin_id(), key(), status);
}

// Ours are as long as the spec knows them, null beyond what the driver filled: so an older or newer driver needs no
// test in the call's path.
Status DriverInstance::copy_tables() {
    const auto specs = setup_.catalog->tables;
    tables_.resize(specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].id == nullptr) continue;
        const void* theirs = plugin_.get_interface(host_.inst, specs[i].id);
        if (theirs == nullptr) continue;
        std::uint32_t size = 0;
        std::memcpy(&size, theirs, sizeof(size));
        constexpr std::size_t kFirst = 8; // size and padding
        if (size < kFirst)
            return make_error(ErrorCode::internal_error, ErrorDomain::none,
                              "driver '{}': its table '{}' says that it has {} bytes", plugin_id(), specs[i].id, size);
        Table& ours = tables_[i];
        ours.spec = &specs[i];
        ours.fns.resize(specs[i].ops.size());
        const std::size_t filled = std::min<std::size_t>((size - kFirst) / sizeof(OpFn), ours.fns.size());
        std::memcpy(ours.fns.data(), static_cast<const char*>(theirs) + kFirst, filled * sizeof(OpFn));
    }
    host_.client_iface = static_cast<const pv_client*>(plugin_.get_interface(host_.inst, PV_IFACE_CLIENT));
    return {};
}

bool DriverInstance::has_kind(std::uint32_t kind) const {
    const auto& kinds = setup_.generation->manifest.kinds;
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

Instance::Stats DriverInstance::stats() const {
    Stats stats;
    stats.entered = in_flight_.entered();
    stats.in_flight = in_flight_.count();
    stats.waiting = strands_.waiting();
    stats.status_mended = mended_.load();
    stats.failed = failed_.load();
    stats.callbacks = host_.callbacks.all.load();
    stats.slow_callbacks = host_.callbacks.slow.load();
    stats.event_bytes = host_.event_account.bytes.load(std::memory_order_acquire);
    stats.events_dropped = host_.event_account.dropped.load(std::memory_order_relaxed);
    return stats;
}

Status DriverInstance::start() {
    PV_ASSIGN_OR_RETURN(const char* run_folder, host_.folders.dir(PV_PATH_RUN));
    const std::string marker = std::string(run_folder) + "/" + kRunning;
    const bool crashed = ::access(marker.c_str(), F_OK) == 0;
    const UniqueFd mark(::open(marker.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!mark) return make_system_error(errno, ErrorDomain::none, "cannot write '" + marker + "'");

    const auto call = std::make_shared<HostCall>();
    call->instance = shared_from_this();
    if (!in_flight_.enter()) // the end of the call counts it out
        return make_error(ErrorCode::operation_invalid, ErrorDomain::none, "driver '{}' {}", plugin_id(),
                          why_refused_.load());
    pv_status status = PV_FAIL;
    {
        const ThreadKind kind(PV_THREAD_INIT);
        status = plugin_.start(host_.inst, call->handle(), crashed ? PV_START_CRASH_RECOVER : PV_START_COLD);
    }
    call->returned(status);
    Status started = call->wait();
    if (started && plugin_.instance_concurrency != nullptr) {
        const ThreadKind kind(PV_THREAD_INIT);
        // No call is inside yet, so nobody sees the change in the middle.
        const std::uint32_t lowered = plugin_.instance_concurrency(host_.inst);
        if (lowered >= PV_CONCURRENCY_SERIAL_ALL && lowered < plugin_.concurrency) concurrency_ = lowered;
    }
    started_ = started.has_value();
    state_ = started ? InstanceState::started : InstanceState::failed;
    return started;
}

void DriverInstance::tell_closed(std::uint64_t client, std::vector<Clients::Close> closes) {
    if (!PV_HAS(host_.client_iface, pv_client, closed)) return;
    host_.post([self = std::static_pointer_cast<DriverInstance>(shared_from_this()), client,
                closes = std::move(closes), token = std::make_shared<Census::Token>(host_.census.take(Census::callback))] {
        const pv_client& iface = *self->host_.client_iface;
        for (const Clients::Close& close : closes)
            self->host_.strand->run(reinterpret_cast<const void*>(iface.closed), [&] {
                iface.closed(self->host_.inst, client, close.kind, close.object);
            });
    });
}

// Everything that the driver still holds is taken back; true when every release has run.
bool DriverInstance::release_all(std::chrono::steady_clock::time_point until) {
    host_.jobs->close();
    for (const auto& process : host_.procs.collect([](pv_proc& p) { return p.process; })) process->forget();
    for (const auto& told : host_.subscriptions.collect([](pv_subscription& s) { return s.subscription; })) told->end();
    for (const auto& strand : host_.loops.collect([](pv_loop& l) { return l.strand; })) strand->close(true);
    host_.registry.clear();
    return host_.census.wait_empty(until);
}

// What the driver never gave back, once it cannot any more.
void DriverInstance::forget_handles() {
    for (pv_loop* loop : host_.loops.list()) {
        loop->strand->close(true);
        loop->strand->forget_handles();
        host_.loops.take(loop).reset();
    }
    for (pv_proc* proc : host_.procs.list()) host_.procs.take(proc).reset();
    for (pv_subscription* told : host_.subscriptions.list()) {
        told->subscription->end();
        host_.subscriptions.take(told).reset();
    }
    const auto forget = [](auto&... all) {
        const auto one = [](auto& handles) {
            for (auto* handle : handles.list()) handles.take(handle).reset();
        };
        (one(all), ...);
    };
    forget(host_.sinks);
    std::apply(forget, host_.lists);
    for (pv_queue* queue : host_.queues.list()) host_.queues.take(queue).reset();
}

void DriverInstance::refuse_calls(const char* why) {
    if (why != nullptr) why_refused_ = why;
    in_flight_.close();
}

bool DriverInstance::stop(std::chrono::steady_clock::time_point until, std::uint32_t why) {
    refuse_calls();
    const auto stuck = [&](const std::string& what) {
        log::error("plugin", "driver '{}', instance '{}': still in use: {}; it is left as it is", plugin_id(), key(),
                   what);
        state_ = InstanceState::failed;
        return false;
    };
    if (!in_flight_.wait_empty(until)) return stuck(fmt::format("{} calls", in_flight_.count()));
    state_ = InstanceState::stopping;
    const ThreadKind kind(PV_THREAD_INIT);
    if (std::exchange(started_, false)) plugin_.stop(host_.inst, why);
    host_.shared.clients.drop(&host_);
    if (!release_all(until)) return stuck(host_.census.describe());
    host_.shared.events.flush(); // what it posted names its objects and this instance
    plugin_.destroy(host_.inst);
    host_.inst = nullptr;
    forget_handles();
    host_.strand->close(false);
    host_.loop->thread.stop_and_join();
    ::unlink((host_.folders.name(PV_PATH_RUN) + "/" + kRunning).c_str());
    state_ = InstanceState::stopped;
    return true;
}

} // namespace polyvirt::plugin
