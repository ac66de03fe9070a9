// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The processes that answer for addresses and names are watched: one that ends by itself is started again, later each
// time that it does so soon.

#include <algorithm>

#include "base/error_text.h"
#include "driver.h"
#include "sdk/cgroup/end_process.h"
#include "up/server.h"

namespace polyvirt::network {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSoon = 30 * kSecond;
constexpr int kMostDoublings = 6;

} // namespace

void Driver::watch_server(const NetPtr& net) {
    Document live;
    {
        const ObjectLock lock(net->mu);
        live = net->live;
    }
    if (!live || !wants_server(*live)) return;
    const std::int64_t pid = server_pid(server_files(s_, *live));
    const std::weak_ptr<Net> weak = net;
    const auto ended = [this, weak](std::int32_t) {
        if (const NetPtr n = weak.lock()) server_ended(n);
    };
    auto process = std::make_shared<plugin::ChildProcess>();
    if (pid > 0) *process = plugin::ChildProcess::adopt(s_, pid, sdk::process_start_time(pid), loop_, ended);
    if (!*process) {
        loop_.post([this, net] { server_ended(net); });
        return;
    }
    const ObjectLock lock(net->mu);
    net->server.swap(process);
    net->server_since = s_.loop->now_ns(s_.host);
}

void Driver::forget_server(const NetPtr& net) {
    std::shared_ptr<plugin::ChildProcess> gone; // let go without the lock
    plugin::Watch timer;
    const ObjectLock lock(net->mu);
    net->server.swap(gone);
    std::swap(timer, net->server_timer);
}

// [loop]
void Driver::server_ended(const NetPtr& net) {
    std::uint64_t handle = 0;
    std::int64_t pause = 0;
    {
        const ObjectLock lock(net->mu);
        if (net->removed || !net->live) return;
        const bool soon = s_.loop->now_ns(s_.host) - net->server_since < kSoon;
        net->server_ends = soon ? std::min(net->server_ends + 1, kMostDoublings) : 0;
        pause = net->server_ends == 0 ? 0 : kSecond << (net->server_ends - 1);
        handle = net->handle;
    }
    log::warning("network", "network '{}': nobody answers for its addresses any more; dnsmasq is started again in {} s",
                 net->name, pause / kSecond);
    const std::weak_ptr<Net> weak = net;
    plugin::Watch timer = loop_.timer(pause, 0, [this, weak, handle] {
        const NetPtr n = weak.lock();
        if (!n) return;
        sdk::Operation::start(s_, loop_, {.object = handle, .what = "start dnsmasq again"},
                              [this, n](const sdk::OperationPtr& op) {
                                  sdk::start(restart_server(n), [op](const Status& outcome) { op->finish(outcome); });
                              });
    });
    const ObjectLock lock(net->mu);
    std::swap(net->server_timer, timer);
}

Driver::Task Driver::restart_server(NetPtr net) {
    (void)co_await sdk::on_worker(s_, 0);
    Document live;
    {
        const ObjectLock lock(net->mu);
        live = net->live;
    }
    if (!live || !wants_server(*live)) co_return Status();
    Status started;
    if (server_pid(server_files(s_, *live)) == 0) started = start_server(s_, nullptr, *live);
    watch_server(net);
    co_return started;
}

} // namespace polyvirt::network
