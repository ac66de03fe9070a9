// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Services: the host's tables, fetched once in create(). What a plugin lists in `needs` is there;
// optional ones (check) may be null. Constant after fetch(); any thread.

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/call.h>
#include <polyvirt/abi/check.h>
#include <polyvirt/abi/client.h>
#include <polyvirt/abi/config.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/log.h>
#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/paths.h>
#include <polyvirt/abi/proc.h>
#include <polyvirt/abi/registry.h>
#include <polyvirt/abi/state.h>
#include <polyvirt/abi/stream.h>

#include <string>
#include <string_view>

#include "base/lock_rank.h"
#include "base/log.h"
#include "base/result.h"

namespace polyvirt::plugin {

struct Services {
    pv_host* host = nullptr;
    const pv_svc_build* build = nullptr;
    const pv_svc_call* call = nullptr;
    const pv_svc_client* client = nullptr;
    const pv_svc_config* config = nullptr;
    const pv_svc_event* event = nullptr;
    const pv_svc_job* job = nullptr;
    const pv_svc_log* log = nullptr;
    const pv_svc_loop* loop = nullptr;
    const pv_svc_paths* paths = nullptr;
    const pv_svc_proc* proc = nullptr;
    const pv_svc_registry* registry = nullptr;
    const pv_svc_state* state = nullptr;
    const pv_svc_stream* stream = nullptr;
    const pv_svc_check* check = nullptr; // may be null

    // Error: names the first service that the host lacks.
    static Result<Services> fetch(pv_host* host, const pv_host_root* root) {
        Services s;
        s.host = host;
        const char* missing = nullptr;
        const auto get = [&](auto& table, const char* id, bool required = true) {
            using Table = std::remove_reference_t<decltype(*table)>;
            table = static_cast<Table*>(root->get_service(host, id, sizeof(Table)));
            if (table == nullptr && required && missing == nullptr) missing = id;
        };
        get(s.build, PV_SVC_BUILD);
        get(s.call, PV_SVC_CALL);
        get(s.client, PV_SVC_CLIENT);
        get(s.config, PV_SVC_CONFIG);
        get(s.event, PV_SVC_EVENT);
        get(s.job, PV_SVC_JOB);
        get(s.log, PV_SVC_LOG);
        get(s.loop, PV_SVC_LOOP);
        get(s.paths, PV_SVC_PATHS);
        get(s.proc, PV_SVC_PROC);
        get(s.registry, PV_SVC_REGISTRY);
        get(s.state, PV_SVC_STATE);
        get(s.stream, PV_SVC_STREAM);
        get(s.check, PV_SVC_CHECK, false);
        if (missing != nullptr)
            return Error{.message = "the host offers no service " + std::string(missing) + " of the needed size"};
        return s;
    }

    // Sends this module's log lines to the host and has its locks checked against the host's byte of ranks.
    // The module has one sink: several instances of a plugin share it, so the last one's host gets all lines.
    void adopt_module() const {
        module() = *this;
        polyvirt::log::set_sink(&write_line, nullptr, &wants_line);
        polyvirt::log::set_level(polyvirt::log::Level::debug); // the host's level changes while it runs: it is asked
        if (check != nullptr) lock_rank::set_provider(&rank_slot, nullptr);
    }

  private:
    static Services& module() {
        static Services services;
        return services;
    }
    static void write_line(void*, polyvirt::log::Level level, std::string_view category, std::string_view text) {
        const std::string c(category), t(text);
        module().log->write(module().host, static_cast<std::int32_t>(level), c.c_str(), t.c_str());
    }
    static bool wants_line(void*, polyvirt::log::Level level, std::string_view) {
        return static_cast<std::int32_t>(level) >= module().log->level(module().host);
    }
    static std::uint8_t* rank_slot(void*) noexcept { return module().check->lock_rank(); }
};

} // namespace polyvirt::plugin
