// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.stats: figures of containers, which the kernel counts by their control groups.

#include <polyvirt/gen/dom_stats.h>

#include "ops/part.h"

namespace polyvirt::lxc {

class StatsOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_stats::info, ops::dom_stats::memory_stats, ops::dom_stats::interface_stats,
                           ops::dom_stats::block_stats, ops::dom_stats::cpu_stats, ops::dom_stats::all_stats,
                           ops::dom_stats::messages>;

    pv_status info(pv_call*, const pv_obj*, const pv_dom_info_in&, pv_dom_info_out&);
    pv_status memory_stats(pv_call*, const pv_obj*, const pv_dom_memory_stats_in&, pv_dom_memory_stats_out&);
    pv_status interface_stats(pv_call*, const pv_obj*, const pv_dom_interface_stats_in&, pv_dom_interface_stats_out&);
    pv_status block_stats(pv_call*, const pv_obj*, const pv_dom_block_stats_in&, pv_dom_block_stats_out&);
    pv_status cpu_stats(pv_call*, const pv_obj*, const pv_dom_cpu_stats_in&, pv_dom_cpu_stats_out&);
    pv_status all_stats(pv_call*, const pv_obj*, const pv_dom_all_stats_in&, pv_dom_all_stats_out&);
    pv_status messages(pv_call*, const pv_obj*, const pv_dom_messages_in&, pv_dom_messages_out&);
};

} // namespace polyvirt::lxc
