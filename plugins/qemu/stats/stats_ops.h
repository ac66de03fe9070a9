// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.stats: what guests use. Questions never wait for a guest's job: they are answered from descriptions, from the
// kernel's files, and from the last sample of what the emulator alone knows (figures.h). Any worker; without state.

#include <polyvirt/gen/dom_stats.h>

#include "part.h"

namespace polyvirt::qemu {

class StatsOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<
        ops::dom_stats::info, ops::dom_stats::control_info, ops::dom_stats::messages, ops::dom_stats::memory_stats,
        ops::dom_stats::set_memory_stats_period, ops::dom_stats::interface_stats, ops::dom_stats::cpu_stats,
        ops::dom_stats::all_stats, ops::dom_stats::perf_events, ops::dom_stats::set_perf_events,
        ops::dom_stats::start_dirty_rate_calc, ops::dom_stats::memory_peek>;

    // ops_stats.cpp
    pv_status info(pv_call*, const pv_obj*, const pv_dom_info_in&, pv_dom_info_out&);
    pv_status control_info(pv_call*, const pv_obj*, const pv_dom_control_info_in&, pv_dom_control_info_out&);
    pv_status messages(pv_call*, const pv_obj*, const pv_dom_messages_in&, pv_dom_messages_out&);
    pv_status interface_stats(pv_call*, const pv_obj*, const pv_dom_interface_stats_in&, pv_dom_interface_stats_out&);
    pv_status cpu_stats(pv_call*, const pv_obj*, const pv_dom_cpu_stats_in&, pv_dom_cpu_stats_out&);
    // ops_memory_stats.cpp
    pv_status memory_stats(pv_call*, const pv_obj*, const pv_dom_memory_stats_in&, pv_dom_memory_stats_out&);
    pv_status set_memory_stats_period(pv_call*, const pv_obj*, const pv_dom_set_memory_stats_period_in&,
                                      pv_dom_set_memory_stats_period_out&);
    pv_status start_dirty_rate_calc(pv_call*, const pv_obj*, const pv_dom_start_dirty_rate_calc_in&,
                                    pv_dom_start_dirty_rate_calc_out&);
    pv_status memory_peek(pv_call*, const pv_obj*, const pv_dom_memory_peek_in&, pv_dom_memory_peek_out&);
    // ops_perf.cpp
    pv_status perf_events(pv_call*, const pv_obj*, const pv_dom_perf_events_in&, pv_dom_perf_events_out&);
    pv_status set_perf_events(pv_call*, const pv_obj*, const pv_dom_set_perf_events_in&, pv_dom_set_perf_events_out&);
    // all_stats.cpp
    pv_status all_stats(pv_call*, const pv_obj*, const pv_dom_all_stats_in&, pv_dom_all_stats_out&);

  private:
    struct Running {
        std::shared_ptr<const Domain> live;
        RunPtr run;
    };
    [[nodiscard]] static Result<Running> running(Guest& guest);
    Task memory_sampled(Running found, pv_records* to);
    void put_memory_stats(const Running& running, pv_records* to) const;
    Task poll_balloon(sdk::OperationPtr op, GuestPtr guest, std::uint32_t period, std::uint32_t flags);
    Task measure_dirty_rate(GuestPtr guest, std::int32_t seconds, std::string mode);
    Task peek(GuestPtr guest, pv_dom_memory_peek_in in, pv_sink* to);
    Task follow(sdk::OperationPtr op, GuestPtr guest, pv_dom_set_perf_events_in in);
    Task all_stats_of(std::vector<GuestPtr> guests, std::uint32_t groups, std::uint32_t flags, pv_groups* to);
};

} // namespace polyvirt::qemu
