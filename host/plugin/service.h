// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the services share. Each service is a constant table in its svc_*.cpp; find_service() is what plugins
// reach through pv_host_root. Every entry is noexcept and survives null and short arguments: a plugin's slip is
// answered with PV_ABI, not with a crash.

#include <cstdint>
#include <utility>
#include <vector>

#include <polyvirt/abi/base.h>

#include "base/assert.h"
#include "base/error_text.h"
#include "host/plugin/call_handles.h"
#include "host/plugin/manifest.h"

namespace polyvirt::plugin {

struct Service {
    const char* id;
    const void* table; // begins with its size
};

[[nodiscard]] const void* find_service(pv_host* host, const char* id, std::uint32_t min_size) noexcept;
[[nodiscard]] std::vector<Offer> service_offers();

// The tables, one per svc_*.cpp.
extern const Service kCallService, kBuildService, kClientService, kRegistryService, kEventService, kLoopService,
    kJobService, kProcService, kStreamService, kStateService, kCheckService, kLogService, kConfigService,
    kPathsService, kDriverService;

// Runs a service's body: what it throws (no memory, nearly always) becomes `failed`.
template <typename R, typename F> R guarded(R failed, F&& body) noexcept {
    try {
        return std::forward<F>(body)();
    } catch (...) {
        static_cast<void>(PV_BUG(true));
        return failed;
    }
}

// Puts an error into a call, if there is one, and gives the status to return.
inline pv_status fail(const CallRef& call, Error error, pv_status status = PV_FAIL) {
    if (call) call->set_error(std::move(error));
    return status;
}

inline pv_status fail(pv_call* call, Error error, pv_status status = PV_FAIL) {
    return fail(CallHandles::find(call, "an error"), std::move(error), status);
}

inline pv_status misuse(pv_call* call, const char* what) {
    return fail(CallHandles::find(call, what),
                make_error(ErrorCode::internal_error, ErrorDomain::none,
                           "the driver used the host's service '{}' wrongly (a null, a size or a number)", what),
                PV_ABI);
}

} // namespace polyvirt::plugin
