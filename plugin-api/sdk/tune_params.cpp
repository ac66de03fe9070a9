// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/tune_params.h"

#include <algorithm>
#include <charconv>

#include <polyvirt/abi/gen/constants.h>

#include "sdk/xml/compare.h"

namespace polyvirt::sdk {
namespace {

using namespace domain;
using network::Bandwidth;
using network::BandwidthRate;

constexpr ParamRow<Memtune> kMemoryRows[] = {
    {PV_DOMAIN_MEMORY_HARD_LIMIT, &Memtune::hard_limit, kUnlimitedKib},
    {PV_DOMAIN_MEMORY_SOFT_LIMIT, &Memtune::soft_limit, kUnlimitedKib},
    {PV_DOMAIN_MEMORY_SWAP_HARD_LIMIT, &Memtune::swap_hard_limit, kUnlimitedKib},
};
constexpr ParamRow<BandwidthRate> kInboundRows[] = {
    {PV_DOMAIN_BANDWIDTH_IN_AVERAGE, &BandwidthRate::average},
    {PV_DOMAIN_BANDWIDTH_IN_PEAK, &BandwidthRate::peak},
    {PV_DOMAIN_BANDWIDTH_IN_BURST, &BandwidthRate::burst},
    {PV_DOMAIN_BANDWIDTH_IN_FLOOR, &BandwidthRate::floor},
};
constexpr ParamRow<BandwidthRate> kOutboundRows[] = {
    {PV_DOMAIN_BANDWIDTH_OUT_AVERAGE, &BandwidthRate::average},
    {PV_DOMAIN_BANDWIDTH_OUT_PEAK, &BandwidthRate::peak},
    {PV_DOMAIN_BANDWIDTH_OUT_BURST, &BandwidthRate::burst},
};
constexpr ParamRow<IoThread> kIoThreadRows[] = {
    {PV_DOMAIN_IOTHREAD_THREAD_POOL_MIN, &IoThread::thread_pool_min, -1},
    {PV_DOMAIN_IOTHREAD_THREAD_POOL_MAX, &IoThread::thread_pool_max, -1},
};
constexpr std::pair<std::string_view, std::optional<std::uint64_t> IoThreadPoll::*> kPollRows[] = {
    {PV_DOMAIN_IOTHREAD_POLL_MAX_NS, &IoThreadPoll::max},
    {PV_DOMAIN_IOTHREAD_POLL_GROW, &IoThreadPoll::grow},
    {PV_DOMAIN_IOTHREAD_POLL_SHRINK, &IoThreadPoll::shrink},
};

// Limits of a domain on single disks travel as "path,value,path,value".
struct BlkioColumn {
    const char* name;
    std::variant<U32 BlkioDevice::*, U64 BlkioDevice::*> member;
};
constexpr BlkioColumn kBlkioColumns[] = {
    {PV_DOMAIN_BLKIO_DEVICE_WEIGHT, &BlkioDevice::weight},
    {PV_DOMAIN_BLKIO_DEVICE_READ_IOPS, &BlkioDevice::read_iops_sec},
    {PV_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, &BlkioDevice::write_iops_sec},
    {PV_DOMAIN_BLKIO_DEVICE_READ_BPS, &BlkioDevice::read_bytes_sec},
    {PV_DOMAIN_BLKIO_DEVICE_WRITE_BPS, &BlkioDevice::write_bytes_sec},
};

std::string join_column(const Blkiotune& tune, const BlkioColumn& column) {
    std::string text;
    for (const BlkioDevice& d : tune.devices)
        std::visit([&](auto member) {
            if (d.*member) text += fmt::format("{}{},{}", text.empty() ? "" : ",", d.path, *(d.*member));
        }, column.member);
    return text;
}

template <typename Member> bool set_number(Member& to, std::uint64_t value) {
    using Value = typename Member::value_type;
    if (value > std::numeric_limits<Value>::max()) return false;
    to = value == 0 ? Member() : Member(static_cast<Value>(value));
    return true;
}

// What a path is not named for stays; 0 takes the limit away.
Status split_column(Blkiotune& tune, const BlkioColumn& column, std::string_view text) {
    const auto wrong = [&] {
        return make_error(ErrorCode::invalid_arg, ErrorDomain::domain, "unable to parse blkio device '{}' '{}'", column.name, text);
    };
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t comma = rest.find(',');
        if (comma == std::string_view::npos || comma == 0) return wrong();
        const std::string path(rest.substr(0, comma));
        rest.remove_prefix(comma + 1);
        std::uint64_t value = 0;
        const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        if (read.ec != std::errc()) return wrong();
        rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
        if (!rest.empty() && rest.front() != ',') return wrong();
        if (!rest.empty()) rest.remove_prefix(1);
        auto device = std::find_if(tune.devices.begin(), tune.devices.end(), [&](const BlkioDevice& d) { return d.path == path; });
        if (device == tune.devices.end()) {
            device = tune.devices.insert(tune.devices.end(), BlkioDevice{});
            device->path = path;
        }
        if (!std::visit([&](auto member) { return set_number((*device).*member, value); }, column.member)) return wrong();
    }
    std::erase_if(tune.devices, [](const BlkioDevice& d) {
        return !d.weight && !d.read_iops_sec && !d.write_iops_sec && !d.read_bytes_sec && !d.write_bytes_sec;
    });
    return {};
}

// Rates are 32 bits wide for clients.
void put_rates(const ParamWriter& w, std::span<const ParamRow<BandwidthRate>> rows, const BandwidthRate& rate) {
    for (const auto& row : rows) w.put(row.name, static_cast<std::uint32_t>((rate.*std::get<U64 BandwidthRate::*>(row.member)).value_or(0)));
}
U64* find_rate(std::span<const ParamRow<BandwidthRate>> rows, BandwidthRate& rate, std::string_view field) {
    for (const auto& row : rows)
        if (row.name == field) return &(rate.*std::get<U64 BandwidthRate::*>(row.member));
    return nullptr;
}

template <typename T, std::size_t N> Status take(ParamSpan params, const ParamRow<T> (&rows)[N], T& to) {
    return take_all(params.data(), static_cast<std::uint32_t>(params.size()), rows, to);
}

} // namespace

void put_memory(const plugin::Services& s, pv_params* to, const Memtune& tune) { put_all(s, to, kMemoryRows, tune); }

Status take_memory(ParamSpan params, Memtune& tune) {
    PV_TRY(take(params, kMemoryRows, tune));
    constexpr auto kNone = static_cast<std::uint64_t>(kUnlimitedKib);
    for (auto* limit : {&tune.hard_limit, &tune.soft_limit, &tune.swap_hard_limit})
        if (limit->value_or(0) >= kNone) limit->reset();
    if (tune.swap_hard_limit && tune.hard_limit.value_or(kNone) > *tune.swap_hard_limit)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::domain,
                          "memory hard_limit tunable value must be lower than or equal to swap_hard_limit");
    return {};
}

void put_blkio(const plugin::Services& s, pv_params* to, const Blkiotune& tune) {
    const ParamWriter w(s, to);
    w.put(PV_DOMAIN_BLKIO_WEIGHT, tune.weight.value_or(0));
    for (const BlkioColumn& column : kBlkioColumns) w.put(column.name, join_column(tune, column));
}

Status take_blkio(ParamSpan params, Blkiotune& tune) {
    for (const pv_param& param : params) {
        const std::string_view field = param.field;
        if (field == PV_DOMAIN_BLKIO_WEIGHT) {
            if (param.type != PV_PARAM_UINT) return wrong_param_type(param, PV_PARAM_UINT);
            tune.weight = param.v.ui == 0 ? U32() : U32(param.v.ui);
            continue;
        }
        const auto* column = std::find_if(std::begin(kBlkioColumns), std::end(kBlkioColumns), [&](const BlkioColumn& c) { return field == c.name; });
        if (column == std::end(kBlkioColumns)) return unknown_param(param.field);
        if (param.type != PV_PARAM_STRING) return wrong_param_type(param, PV_PARAM_STRING);
        PV_TRY(split_column(tune, *column, param.v.s != nullptr ? param.v.s : ""));
    }
    return {};
}

void put_numa(const plugin::Services& s, pv_params* to, const NumaMemory& tune) {
    const auto* mode = std::find(std::begin(kNumaModes), std::end(kNumaModes), tune.mode);
    const ParamWriter w(s, to);
    w.put(PV_DOMAIN_NUMA_MODE, mode == std::end(kNumaModes) ? std::int32_t{0} : static_cast<std::int32_t>(mode - kNumaModes));
    w.put(PV_DOMAIN_NUMA_NODESET, tune.nodeset.to_string());
}

Status take_numa(ParamSpan params, NumaMemory& tune, ErrorDomain from) {
    for (const pv_param& param : params) {
        const std::string_view field = param.field;
        if (field == PV_DOMAIN_NUMA_MODE) {
            if (param.type != PV_PARAM_INT) return wrong_param_type(param, PV_PARAM_INT);
            if (param.v.i < 0 || param.v.i >= static_cast<std::int32_t>(std::size(kNumaModes)))
                return make_error(ErrorCode::invalid_arg, from, "unsupported numatune mode: '{}'", param.v.i);
            tune.mode = kNumaModes[param.v.i];
        } else if (field == PV_DOMAIN_NUMA_NODESET) {
            if (param.type != PV_PARAM_STRING) return wrong_param_type(param, PV_PARAM_STRING);
            const std::string_view text = param.v.s != nullptr ? param.v.s : "";
            const auto set = xml::CpuSet::parse(text);
            if (!set || set->empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "Failed to parse bitmap '{}'", text);
            tune.nodeset = *set;
        } else {
            return unknown_param(param.field);
        }
    }
    return {};
}

void put_bandwidth(const plugin::Services& s, pv_params* to, const Bandwidth& bandwidth) {
    const ParamWriter w(s, to);
    put_rates(w, kInboundRows, bandwidth.inbound.value_or(BandwidthRate{}));
    put_rates(w, kOutboundRows, bandwidth.outbound.value_or(BandwidthRate{}));
}

Status take_bandwidth(ParamSpan params, Bandwidth& bandwidth) {
    BandwidthRate inbound = bandwidth.inbound.value_or(BandwidthRate{}), outbound = bandwidth.outbound.value_or(BandwidthRate{});
    for (const pv_param& param : params) {
        if (param.type != PV_PARAM_UINT) return wrong_param_type(param, PV_PARAM_UINT);
        U64* to = find_rate(kInboundRows, inbound, param.field);
        if (to == nullptr) to = find_rate(kOutboundRows, outbound, param.field);
        if (to == nullptr) return unknown_param(param.field);
        *to = param.v.ui == 0 ? U64() : U64(param.v.ui);
    }
    // Without an average there is no limit, whatever the peak.
    for (BandwidthRate* rate : {&inbound, &outbound})
        if (!rate->average && !rate->floor) *rate = {};
    bandwidth.inbound = xml::unless_blank(inbound);
    bandwidth.outbound = xml::unless_blank(outbound);
    return {};
}

void put_port_bandwidth(const plugin::Services& s, pv_params* to, const network::Port& port) {
    const ParamWriter w(s, to);
    if (port.bandwidth && port.bandwidth->inbound) put_rates(w, kInboundRows, *port.bandwidth->inbound);
    if (port.bandwidth && port.bandwidth->outbound) put_rates(w, kOutboundRows, *port.bandwidth->outbound);
}

Status take_port_bandwidth(ParamSpan params, network::Port& port) {
    Bandwidth all = port.bandwidth.value_or(Bandwidth{});
    PV_TRY(take_bandwidth(params, all));
    port.bandwidth.reset();
    if (all.inbound || all.outbound) port.bandwidth = std::move(all);
    return {};
}

Status take_iothread(ParamSpan params, IoThread& thread) {
    for (const pv_param& param : params) {
        const auto* poll = std::find_if(std::begin(kPollRows), std::end(kPollRows), [&](const auto& row) { return row.first == param.field; });
        if (poll == std::end(kPollRows)) {
            PV_TRY(take({&param, 1}, kIoThreadRows, thread));
            continue;
        }
        // Clients of different age send these in either width.
        if (param.type == PV_PARAM_UINT) thread.poll.*poll->second = param.v.ui;
        else if (param.type == PV_PARAM_ULLONG) thread.poll.*poll->second = param.v.ul;
        else return wrong_param_type(param, PV_PARAM_ULLONG);
    }
    return {};
}

bool follows(const Perf& perf, std::string_view event) {
    return std::any_of(perf.events.begin(), perf.events.end(),
                       [&](const PerfEvent& e) { return e.name == event && e.enabled == xml::YesNo::yes; });
}
void put_perf(const plugin::Services& s, pv_params* to, const Perf& perf) {
    const ParamWriter w(s, to);
    for (const std::string_view name : kPerfEvents) w.put(name, follows(perf, name));
}
Status check_perf(ParamSpan params) {
    for (const pv_param& param : params) {
        if (std::find(std::begin(kPerfEvents), std::end(kPerfEvents), std::string_view(param.field)) == std::end(kPerfEvents))
            return unknown_param(param.field);
        if (param.type != PV_PARAM_BOOLEAN) return wrong_param_type(param, PV_PARAM_BOOLEAN);
    }
    return {};
}
void take_perf(ParamSpan params, Perf& perf) {
    for (const pv_param& param : params) {
        std::erase_if(perf.events, [&](const PerfEvent& e) { return e.name == param.field; });
        perf.events.push_back({param.field, param.v.b != 0 ? xml::YesNo::yes : xml::YesNo::no});
    }
}

} // namespace polyvirt::sdk
