// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The tables of the fake host's services.

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/check.h>
#include <polyvirt/abi/client.h>
#include <polyvirt/abi/config.h>
#include <polyvirt/abi/driver.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/log.h>
#include <polyvirt/abi/paths.h>
#include <polyvirt/abi/state.h>

#include "tools/conform/host/host.h"

namespace polyvirt::conform {

extern const pv_svc_build kBuild;
extern const pv_svc_call kCall;
extern const pv_svc_check kCheck;
extern const pv_svc_client kClient;
extern const pv_svc_config kConfig;
extern const pv_svc_driver kDriver;
extern const pv_svc_event kEvent;
extern const pv_svc_job kJob;
extern const pv_svc_log kLog;
extern const pv_svc_loop kLoop;
extern const pv_svc_paths kPaths;
extern const pv_svc_proc kProc;
extern const pv_svc_registry kRegistry;
extern const pv_svc_state kState;
extern const pv_svc_stream kStream;

// Takes a watch or a loop's watches away from the plugin.
void remove_watch(pv_watch* watch) PV_REQUIRES(g_mu);
void close_loop(pv_loop* loop) PV_REQUIRES(g_mu);
// The host's own forget(), at stop: no function of theirs is called any more.
void forget_processes(pv_host* host) PV_REQUIRES(g_mu);
// Likewise, what it is told of other drivers.
void end_subscriptions(pv_host* host) PV_REQUIRES(g_mu);
// Records an error in the call, if there is one, as the host itself does.
void host_error(pv_call* call, std::int32_t code, std::string text) PV_REQUIRES(g_mu);
// Appends to a sink; false: over its limit.
bool append(pv_sink* sink, const void* data, std::size_t length) PV_REQUIRES(g_mu);
// The object if it is there.
ObjectPtr find_object(pv_host* host, std::uint64_t handle) PV_REQUIRES(g_mu);
// Runs the release function when it is retired and nobody has it pinned.
void release_object(pv_host* host, const ObjectPtr& object) PV_REQUIRES(g_mu);
void retire_object(pv_host* host, const ObjectPtr& object) PV_REQUIRES(g_mu);

} // namespace polyvirt::conform
