// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.state/1
#include <polyvirt/abi/state.h>

#include <algorithm>

#include "base/log.h"
#include "host/plugin/builders.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

pv_status put(pv_host* host, pv_call* call, std::uint32_t area, const char* name, const void* data,
              std::size_t length) noexcept {
    if (host == nullptr || name == nullptr || (data == nullptr && length != 0)) return misuse(call, "state.put");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        Status done = host->state.put(area, name, {static_cast<const char*>(data), length});
        return done ? pv_status{PV_OK} : fail(call, std::move(done).error());
    });
}

pv_status get(pv_host* host, pv_call* call, std::uint32_t area, const char* name, pv_sink* sink) noexcept {
    if (host == nullptr || name == nullptr || sink == nullptr) return misuse(call, "state.get");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        Result<std::optional<std::string>> record = host->state.get(area, name);
        if (!record) return fail(call, std::move(record).error());
        if (!*record) return PV_GONE;
        if ((*record)->size() > sink->max - std::min(sink->max, sink->data.size()))
            return fail(call, make_error(ErrorCode::internal_error, ErrorDomain::none,
                                         "state record '{}' has {} bytes, the sink takes {} in all", name,
                                         (*record)->size(), sink->max));
        sink->data += **record;
        sink->written = true;
        return PV_OK;
    });
}

pv_status del(pv_host* host, pv_call* call, std::uint32_t area, const char* name) noexcept {
    if (host == nullptr || name == nullptr) return misuse(call, "state.del");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        Status done = host->state.del(area, name);
        return done ? pv_status{PV_OK} : fail(call, std::move(done).error());
    });
}

pv_status each(pv_host* host, pv_call* call, std::uint32_t area, const char* folder,
               void (*visit)(void*, const char*, const void*, std::size_t) PV_NOEXCEPT, void* ctx) noexcept {
    if (host == nullptr || folder == nullptr || visit == nullptr) return misuse(call, "state.each");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        Status done = host->state.each(area, folder, [&](const std::string& name, const std::string& data) {
            visit(ctx, name.c_str(), data.data(), data.size());
        });
        return done ? pv_status{PV_OK} : fail(call, std::move(done).error());
    });
}

pv_status set_aside(pv_host* host, std::uint32_t area, const char* name, const char* why) noexcept {
    if (host == nullptr || name == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const Status done = host->state.set_aside(area, name, why != nullptr ? why : "(no reason given)");
        if (done) return PV_OK;
        log::error("plugin", "{}: {}", host->plugin_id, done.error().message);
        return PV_FAIL;
    });
}

pv_sink* sink_new(pv_host* host, std::size_t max_length) noexcept {
    if (host == nullptr) return nullptr;
    return guarded(static_cast<pv_sink*>(nullptr), [&] {
        auto sink = std::make_unique<OwnedSink>(max_length);
        sink->host = host;
        return static_cast<pv_sink*>(host->sinks.add(std::move(sink)));
    });
}

const char* sink_data(pv_sink* sink, std::size_t* length) noexcept {
    if (length != nullptr) *length = sink != nullptr ? sink->data.size() : 0;
    return sink != nullptr ? sink->data.c_str() : nullptr;
}

void sink_free(pv_sink* sink) noexcept {
    if (sink == nullptr) return;
    guarded(0, [&] {
        auto* owned = static_cast<OwnedSink*>(sink);
        static_cast<void>(PV_BUG(!owned->host->sinks.take(owned)));
        return 0;
    });
}

constexpr pv_svc_state kStateTable = {sizeof(pv_svc_state), 0,        put,      get,       del,
                                 each,                 set_aside, sink_new, sink_data, sink_free};

} // namespace

const Service kStateService{PV_SVC_STATE, &kStateTable};

} // namespace polyvirt::plugin
