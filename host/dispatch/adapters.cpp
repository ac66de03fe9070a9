// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/adapters.h"

#include <polyvirt/abi/gen/dom_stats.h>

#include "base/error_text.h"
#include "host/dispatch/glue_support.h"
#include "host/protocol/gen/constants.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;

struct CpuStatsIn {
    pv_dom_cpu_stats_in in;
    std::uint32_t nparams;
    bool strings;
};

} // namespace

// One procedure asks four things: how many CPUs there are (no CPUs wanted), how many parameters each has (no
// parameters wanted), the totals (start_cpu -1), or the parameters of a range of CPUs, one after another.
bool prepare_remote_domain_get_cpu_stats(WireCall& call, protocol::Decoder& decoder) {
    remote::domain_get_cpu_stats_args a{};
    if (!decode(decoder, a)) return false;
    auto* p = call.arena().make<CpuStatsIn>();
    p->in.size = sizeof p->in;
    std::uint32_t ncpus = 0;
    if (!glue::take_limit(call, a.nparams, protocol::limit_node_cpu_stats, ErrorCode::internal_error,
                          "nparams too large", p->nparams) ||
        !glue::take_limit(call, a.ncpus, protocol::limit_domain_get_cpu_stats_ncpus, ErrorCode::internal_error,
                          "ncpus too large", ncpus))
        return false;
    const pv_obj* target = glue::find(call, a.dom);
    if (target == nullptr) return false;
    call.set_target(target);
    p->in.start_cpu = a.start_cpu;
    p->in.ncpus = ncpus;
    p->strings = (a.flags & protocol::VIR_TYPED_PARAM_STRING_OKAY) != 0;
    p->in.flags = a.flags & ~static_cast<std::uint32_t>(protocol::VIR_TYPED_PARAM_STRING_OKAY);
    auto* out = call.arena().make<pv_dom_cpu_stats_out>();
    out->size = sizeof *out;
    out->stats = call.new_groups();
    call.set_in(&p->in);
    call.set_out(out);
    return true;
}

void encode_remote_domain_get_cpu_stats(WireCall& call, protocol::Encoder& encoder) {
    const auto& p = *static_cast<const CpuStatsIn*>(call.in());
    const auto& out = *static_cast<const pv_dom_cpu_stats_out*>(call.out());
    remote::domain_get_cpu_stats_ret r{};
    const std::size_t groups = p.in.start_cpu < 0 ? 1 : p.in.ncpus;
    if (groups == 0) {
        r.nparams = static_cast<std::int32_t>(out.cpus);
    } else if (p.nparams == 0) {
        r.nparams = static_cast<std::int32_t>(out.fields);
    } else {
        const std::size_t take = std::min(groups, out.stats->list.size());
        const std::span<protocol::typed_param> all =
            call.arena().make_array<protocol::typed_param>(take * p.nparams);
        std::size_t used = 0, widest = 0;
        for (std::size_t i = 0; i < take; ++i) {
            std::span<const protocol::typed_param> one;
            if (!glue::params_of(call, out.stats->list[i].params, p.strings, p.nparams, p.nparams, "params", one))
                return;
            std::copy(one.begin(), one.end(), all.begin() + static_cast<std::ptrdiff_t>(used));
            used += one.size();
            widest = std::max(widest, one.size());
        }
        r.params = all.first(used);
        r.nparams = static_cast<std::int32_t>(widest); // the client cuts the list into pieces of this size
    }
    encode(encoder, r);
}

} // namespace polyvirt::dispatch
