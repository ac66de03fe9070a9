// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.event/1
#include <polyvirt/abi/event.h>

#include "host/plugin/context.h"
#include "host/plugin/instance.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

constexpr std::uint32_t kMinEvent = offsetof(pv_event, payload) + sizeof(const void*);

pv_queue* queue_new(pv_host* host, const char* name) noexcept {
    if (host == nullptr) return nullptr;
    return guarded(static_cast<pv_queue*>(nullptr), [&] {
        return host->queues.add(std::make_unique<pv_queue>(pv_queue{host, name != nullptr ? name : ""}));
    });
}

// All queues end in the dispatcher's one list, so that events of one object keep their order even when they
// were posted on two; nothing is left behind here.
void queue_free(pv_queue* queue) noexcept {
    if (queue == nullptr) return;
    guarded(0, [&] {
        static_cast<void>(queue->host->queues.take(queue));
        return 0;
    });
}

pv_status post(pv_queue* queue, const pv_event* event) noexcept {
    if (queue == nullptr || event == nullptr || event->size < kMinEvent || event->name == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const std::shared_ptr<Instance> instance = queue->host->instance.lock();
        if (instance == nullptr) return PV_GONE;
        HostShared& shared = queue->host->shared;
        const pv_status status = shared.events.post(instance, queue->host->event_account, *event);
        // Drivers have room of their own, whatever waits for clients.
        if (status == PV_OK || status == PV_BUSY) shared.subscriptions.post(instance, *event);
        return status;
    });
}

std::int32_t wanted(pv_queue* queue, std::uint32_t kind, std::int32_t id) noexcept {
    if (queue == nullptr) return 0;
    return guarded(std::int32_t{1}, [&]() -> std::int32_t {
        const std::shared_ptr<Instance> instance = queue->host->instance.lock();
        if (instance == nullptr) return 0;
        const HostShared& shared = queue->host->shared;
        return shared.subscriptions.wanted(kind, id) || shared.events.wanted(*instance, kind, id) ? 1 : 0;
    });
}

constexpr pv_svc_event kEventTable = {sizeof(pv_svc_event), 0, queue_new, queue_free, post, wanted};

} // namespace

const Service kEventService{PV_SVC_EVENT, &kEventTable};

} // namespace polyvirt::plugin
