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
#include <polyvirt/abi/driver.h>
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

#include <cstddef>
#include <cstring>
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
    const pv_svc_check* check = nullptr;   // may be null
    const pv_svc_driver* driver = nullptr; // may be null, unless About::uses names a kind

    // Every required service, X(member, its table, id, last slot of its first release). A host of that release is
    // enough: slots that came later are null there (PV_HAS).
#define PV_GLUE_SERVICES(X)                                                                                            \
    X(build, pv_svc_build, PV_SVC_BUILD, begin_group)                                                                  \
    X(call, pv_svc_call, PV_SVC_CALL, id)                                                                              \
    X(client, pv_svc_client, PV_SVC_CLIENT, identity)                                                                  \
    X(config, pv_svc_config, PV_SVC_CONFIG, get)                                                                       \
    X(event, pv_svc_event, PV_SVC_EVENT, post)                                                                         \
    X(job, pv_svc_job, PV_SVC_JOB, end)                                                                                \
    X(log, pv_svc_log, PV_SVC_LOG, level)                                                                              \
    X(loop, pv_svc_loop, PV_SVC_LOOP, on_loop)                                                                         \
    X(paths, pv_svc_paths, PV_SVC_PATHS, dir)                                                                          \
    X(proc, pv_svc_proc, PV_SVC_PROC, run)                                                                             \
    X(registry, pv_svc_registry, PV_SVC_REGISTRY, find_name)                                                           \
    X(state, pv_svc_state, PV_SVC_STATE, sink_free)                                                                    \
    X(stream, pv_svc_stream, PV_SVC_STREAM, fail)

    // What fetch() asks for, in the manifest's words.
    static constexpr std::uint32_t kMinMinor = 1; // of the ABI: the release in which the above stood first
    struct Needed {
        const char* id;
        std::uint32_t size;
    };
    static constexpr Needed kNeeds[] = {
#define PV_ROW(member, table, id, last) {id, offsetof(table, last) + sizeof(table::last)},
        PV_GLUE_SERVICES(PV_ROW)
#undef PV_ROW
    };

    static constexpr Needed kDriver{PV_SVC_DRIVER, offsetof(pv_svc_driver, call_async) + sizeof(pv_svc_driver::call_async)};

    // [load] Error: names the first service that the host lacks.
    static Result<Services> fetch(pv_host* host, const pv_host_root* root) {
        Services s;
        s.host = host;
        const char* missing = nullptr;
#define PV_ROW(member, table, id, last)                                                                                \
    s.member = find<table>(host, root, id, offsetof(table, last) + sizeof(table::last));                               \
    if (s.member == nullptr && missing == nullptr) missing = id;
        PV_GLUE_SERVICES(PV_ROW)
#undef PV_ROW
        s.check = find<pv_svc_check>(host, root, PV_SVC_CHECK, sizeof(pv_svc_check));
        s.driver = find<pv_svc_driver>(host, root, PV_SVC_DRIVER, kDriver.size);
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
    // The host's table; one of an older host, which is shorter, as a copy whose last slots are null. [load]
    template <typename Table>
    static const Table* find(pv_host* host, const pv_host_root* root, const char* id, std::uint32_t min_size) {
        const auto* theirs = static_cast<const Table*>(root->get_service(host, id, min_size));
        if (theirs == nullptr || theirs->size >= sizeof(Table)) return theirs;
        static Table whole;
        whole = Table{};
        std::memcpy(&whole, theirs, theirs->size);
        return &whole;
    }

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
