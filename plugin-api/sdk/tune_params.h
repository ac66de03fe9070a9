// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Tuning parameters as the API has them, held against the elements of the document that they stand for. Each take_*
// changes its element by what a client sent, or says what is wrong with it: unknown names are argument_unsupported, wrong
// types and values invalid_arg. `from` is whom the error is of.

#include <array>
#include <span>
#include <string_view>

#include "sdk/domain/domain.h"
#include "sdk/network/port.h"
#include "sdk/params.h"

namespace polyvirt::sdk {

// The API's word for "no limit on memory", in KiB.
inline constexpr std::int64_t kUnlimitedKib = 9'007'199'254'740'991;
inline constexpr std::string_view kNumaModes[] = {"strict", "preferred", "interleave", "restrictive"};

// Of a client's call: the host's until that is complete.
using ParamSpan = std::span<const pv_param>;

void put_memory(const plugin::Services& s, pv_params* to, const domain::Memtune& tune);
Status take_memory(ParamSpan params, domain::Memtune& tune);

void put_blkio(const plugin::Services& s, pv_params* to, const domain::Blkiotune& tune);
Status take_blkio(ParamSpan params, domain::Blkiotune& tune);

void put_numa(const plugin::Services& s, pv_params* to, const domain::NumaMemory& tune);
Status take_numa(ParamSpan params, domain::NumaMemory& tune, ErrorDomain from);

void put_bandwidth(const plugin::Services& s, pv_params* to, const network::Bandwidth& bandwidth);
Status take_bandwidth(ParamSpan params, network::Bandwidth& bandwidth);
// Of a network's port: of a direction without limits nothing is said.
void put_port_bandwidth(const plugin::Services& s, pv_params* to, const network::Port& port);
Status take_port_bandwidth(ParamSpan params, network::Port& port);

Status take_iothread(ParamSpan params, domain::IoThread& thread);

// Counters of the host that can be followed for a guest; all of them, as the API orders them.
inline constexpr std::string_view kPerfEvents[] = {
    "cmt", "mbmt", "mbml", "cpu_cycles", "instructions", "cache_references", "cache_misses", "branch_instructions",
    "branch_misses", "bus_cycles", "stalled_cycles_frontend", "stalled_cycles_backend", "ref_cpu_cycles", "cpu_clock",
    "task_clock", "page_faults", "context_switches", "cpu_migrations", "page_faults_min", "page_faults_maj",
    "alignment_faults", "emulation_faults"};
bool follows(const domain::Perf& perf, std::string_view event);
void put_perf(const plugin::Services& s, pv_params* to, const domain::Perf& perf);
Status check_perf(ParamSpan params);
void take_perf(ParamSpan params, domain::Perf& perf);

} // namespace polyvirt::sdk
