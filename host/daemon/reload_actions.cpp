// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/reload_actions.h"

#include "base/log.h"
#include "host/daemon/descriptors.h"
#include "host/daemon/limit_settings.h"
#include "host/daemon/logging.h"
#include "host/logging/logger.h"
#include "host/rpc/server.h"

namespace polyvirt::daemon {
namespace {

void change_server(rpc::Server& server, const Config& was, const Config& now, bool admin) {
    rpc::Limits limits = server.limits();
    if (change_limits(limits, was, now, admin)) server.set_limits(limits);
}

} // namespace

void add_reload_actions(Reloader& reloader, const Servers& servers, work::WorkerPool& pool, bool verbose) {
    reloader.add("limits", [servers](const Config& was, const Config& now) -> Result<Reloader::Apply> {
        return Reloader::Apply([=, &was, &now] {
            change_server(servers.main, was, now, false);
            change_server(servers.admin, was, now, true);
            if (const std::string problem = too_few_descriptors(now, descriptor_limit()); !problem.empty())
                log::warning("daemon", "{}", problem);
        });
    });
    reloader.add("workers", [&pool](const Config& was, const Config& now) -> Result<Reloader::Apply> {
        return Reloader::Apply([&] {
            work::PoolLimits limits = pool.stats().limits;
            if (change_limits(limits, was, now)) pool.set_limits(limits);
        });
    });
    reloader.add("log", [verbose](const Config& was, const Config& now) -> Result<Reloader::Apply> {
        return Reloader::Apply([=, &was, &now] {
            bool same = true;
            for (const char* path : {"log.level", "log.filters", "log.outputs"}) same = same && now.same(was, path);
            logging::Logger::instance().reopen(); // who renames the files says so with SIGHUP
            if (same) return;
            if (const Status done = configure_logging(now, verbose); !done)
                log::error("daemon", "the log stays as it was: {}", done.error().message);
        });
    });
}

} // namespace polyvirt::daemon
