// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.log/1
#include <polyvirt/abi/log.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

constexpr std::size_t kMaxLine = 16384;

void write(pv_host* host, std::int32_t level, const char* category, const char* text) noexcept {
    if (host == nullptr || text == nullptr) return;
    const auto ours = static_cast<log::Level>(std::clamp<std::int32_t>(level, PV_LOG_DEBUG, PV_LOG_ERROR));
    if (!log::enabled(ours)) return;
    guarded(0, [&] {
        std::string where = host->plugin_id;
        if (category != nullptr && category[0] != '\0') where.append(".").append(category);
        if (!log::enabled(ours, where)) return 0;
        std::string line(text, ::strnlen(text, kMaxLine));
        log::write(ours, where, line);
        return 0;
    });
}

std::int32_t level(pv_host* /*host*/) noexcept {
    for (const auto l : {log::Level::debug, log::Level::info, log::Level::warning})
        if (log::enabled(l)) return static_cast<std::int32_t>(l);
    return PV_LOG_ERROR;
}

constexpr pv_svc_log kLogTable = {sizeof(pv_svc_log), 0, write, level};

} // namespace

const Service kLogService{PV_SVC_LOG, &kLogTable};

} // namespace polyvirt::plugin
