// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <array>

#include "host/dispatch/dispatcher.h"
#include "host/metrics/collect.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::metrics {
namespace {

using dispatch::CallStats;
using Type = Exposition::Type;

struct Called {
    const char* program;
    const char* procedure;
    CallStats::Sum sum;
};

// Those that were called: the wire has hundreds that hardly anybody calls.
std::vector<Called> called(const CallStats& stats) {
    std::vector<Called> rows;
    for (const std::uint32_t program : protocol::programs())
        for (const protocol::ProcInfo& proc : protocol::procs(program)) {
            const CallStats::Sum sum = stats.sum(proc);
            if (sum.count() != 0) rows.push_back({protocol::program_name(program), proc.name, sum});
        }
    return rows;
}

constexpr std::array<double, CallStats::kBuckets - 1> bounds() {
    std::array<double, CallStats::kBuckets - 1> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<double>(CallStats::bound_ns(i)) / 1e9;
    return all;
}

} // namespace

void collect_calls(Exposition& out, const dispatch::Dispatcher& dispatcher) {
    static constexpr auto kBounds = bounds();
    const std::vector<Called> rows = called(dispatcher.call_stats());
    out.family("polyvirt_call_seconds", Type::histogram, "Time from a call's arrival to its reply");
    for (const Called& row : rows)
        out.histogram({{"program", row.program}, {"procedure", row.procedure}}, kBounds, row.sum.buckets,
                      static_cast<double>(row.sum.total_ns) / 1e9);
    out.family("polyvirt_calls_failed", Type::counter, "Calls that were answered with an error");
    for (const Called& row : rows)
        out.sample({{"program", row.program}, {"procedure", row.procedure}}, row.sum.failed);
    out.family("polyvirt_errors", Type::counter, "Errors that were answered, by the wire's code");
    for (std::size_t code = 0; code < CallStats::kCodes; ++code)
        if (const std::uint64_t n = dispatcher.call_stats().errors(code); n != 0)
            out.sample({{"code", std::to_string(code)}}, n);
}

} // namespace polyvirt::metrics
