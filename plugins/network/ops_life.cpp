// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Networks that begin and end: what is made of this host for one, and what is taken away again. Its status record
// stands from before the first of it until after the last, so whenever the daemon ends, the next one knows what there
// may be.

#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "sdk/traffic.h"
#include "up/link.h"
#include "up/ruleset.h"
#include "up/server.h"

namespace polyvirt::network {
namespace {

constexpr const char* kAutostarted = "autostarted";

} // namespace

pv_status Driver::create(pv_call* call, const pv_obj* obj, const pv_net_create_in&, pv_net_create_out&) {
    return with_job(call, net_of(obj), "start",
                    [this](const sdk::OperationPtr& op, const NetPtr& net) { return start_defined(net, op->call()); });
}

Driver::Task Driver::start_defined(NetPtr net, pv_call* call) {
    Document config;
    {
        const ObjectLock lock(net->mu);
        if (net->live)
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::network, "network is already active");
        config = net->config;
    }
    if (!config) co_return no_network(*net);
    auto started = start_network(net, config, call);
    co_return co_await std::move(started);
}

Driver::Task Driver::start_network(NetPtr net, Document document, pv_call* call) {
    auto functions = find_functions(*document);
    PV_CO_TRY(functions);
    {
        const ObjectLock lock(net->mu);
        net->functions = *std::move(functions);
        net->walled = document;
    }
    Status done = save_status(net, call);
    if (done) {
        auto up = bring_up(document, call);
        done = co_await std::move(up);
    }
    if (done) {
        const ObjectLock lock(net->mu);
        net->live = document;
        keep_bridges(*net);
        show(*net);
    }
    if (done) done = save_status(net, call);
    if (done) {
        watch_server(net);
        const ObjectLock lock(net->mu);
        post(*net, PV_NETWORK_EVENT_STARTED);
        co_return Status();
    }
    auto down = take_down(net, document);
    (void)co_await std::move(down);
    end_network(net);
    co_return done;
}

Driver::Task Driver::bring_up(Document document, pv_call* call) {
    if (!document->owns_bridge()) co_return Status();
    if (has_bridge(*document)) PV_CO_TRY(remove_bridge(*document)); // left over
    PV_CO_TRY(check_routes(*document));
    PV_CO_TRY(make_bridge(*document));
    if (document->bandwidth) PV_CO_TRY(sdk::limit_traffic(s_, document->bridge->name, *document->bandwidth));
    if (wants_rules(*document)) {
        auto walls = apply_walls(call);
        PV_CO_TRY(co_await std::move(walls));
    }
    if (wants_server(*document)) PV_CO_TRY(start_server(s_, call, *document));
    co_return Status();
}

pv_status Driver::destroy(pv_call* call, const pv_obj* obj, const pv_net_destroy_in&, pv_net_destroy_out&) {
    return with_job(call, net_of(obj), "destroy",
                    [this](const sdk::OperationPtr&, const NetPtr& net) { return stop_network(net); });
}

Driver::Task Driver::stop_network(NetPtr net) {
    Document live;
    {
        const ObjectLock lock(net->mu);
        live = net->live;
    }
    if (!live)
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::network, "network '{}' is not active",
                             net->name);
    auto down = take_down(net, live);
    (void)co_await std::move(down);
    end_network(net);
    {
        const ObjectLock lock(net->mu);
        post(*net, PV_NETWORK_EVENT_STOPPED);
    }
    settle(net);
    co_return Status();
}

// As much of it as there is. What cannot be taken away is told and left: the network ends all the same.
Driver::Task Driver::take_down(NetPtr net, Document document) {
    forget_server(net);
    {
        const ObjectLock lock(net->mu);
        net->walled = nullptr;
    }
    if (!document->owns_bridge()) co_return Status();
    if (wants_server(*document)) stop_server(server_files(s_, *document));
    if (has_bridge(*document))
        if (const Status gone = remove_bridge(*document); !gone)
            log::warning("network", "network '{}': {}", net->name, gone.error().message);
    if (!wants_rules(*document)) co_return Status();
    auto walls = apply_walls(nullptr);
    if (const Status gone = co_await std::move(walls); !gone)
        log::warning("network", "network '{}': {}", net->name, gone.error().message);
    co_return Status();
}

void Driver::end_network(const NetPtr& net) {
    {
        const ObjectLock lock(net->mu);
        for (const auto& [uuid, port] : net->ports) s_.registry->retire(s_.host, port->handle);
        net->ports.clear();
        net->live = nullptr;
        net->walled = nullptr;
        keep_bridges(*net);
        show(*net);
    }
    if (const Status gone = save_status(net, nullptr); !gone) log::error("network", "{}", gone.error().message);
}

// Once per boot of the host: the marker goes with the records of what is active. A network that somebody has stopped is
// not started again because the daemon was.
void Driver::autostart_networks() {
    const auto marker = statuses_.get(kAutostarted, 100);
    if (!marker || *marker) return;
    if (const Status put = statuses_.put(kAutostarted, "1\n"); !put) log::error("startup", "{}", put.error().message);
    for (const NetPtr& net : nets_.all()) {
        std::uint64_t handle = 0;
        {
            const ObjectLock lock(net->mu);
            if (!net->autostart || net->live) continue;
            handle = net->handle;
        }
        sdk::Operation::start(
            s_, loop_, {.object = handle, .what = "autostart"}, [this, net](const sdk::OperationPtr& op) {
                sdk::start(start_defined(net, nullptr), [op](const Status& outcome) { op->finish(outcome); });
            });
    }
}

} // namespace polyvirt::network
