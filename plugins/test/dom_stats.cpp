// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.stats: what can be told of a domain. Figures grow with the host's clock, as if the guest were busy.

#include <algorithm>

#include "domains.h"
#include "figures.h"
#include "op.h"
#include "sdk/guests/figures.h"
#include "sdk/tune_params.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;

class Stats : public Ops {
  public:
    using Ops::Ops;

    pv_status info(pv_call* call, const pv_obj* obj, const pv_dom_info_in&, pv_dom_info_out& out) {
        const GuestPtr guest = Domains::of(obj);
        DocumentPtr document;
        {
            const ObjectLock lock(guest->mu);
            document = guest->current();
            out.state = guest->state;
        }
        if (!document) return fail(call, no_domain(*guest));
        out.max_memory = document->memory.value_or(0);
        out.memory = document->current_memory.value_or(out.max_memory);
        out.vcpus = vcpus_of(*document);
        out.cpu_time = static_cast<std::uint64_t>(now());
        return PV_OK;
    }

    pv_status control_info(pv_call* call, const pv_obj* obj, const pv_dom_control_info_in& in, pv_dom_control_info_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetControlInfo"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return fail(call, not_running());
        if (guest->inside.monitor_lost) {
            out.state = PV_DOMAIN_CONTROL_ERROR;
            out.details = PV_DOMAIN_CONTROL_ERROR_REASON_MONITOR;
        } else if (guest->job.number != 0) {
            out.state = PV_DOMAIN_CONTROL_JOB;
        }
        return PV_OK;
    }

    pv_status memory_stats(pv_call* call, const pv_obj* obj, const pv_dom_memory_stats_in& in, pv_dom_memory_stats_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainMemoryStats"); !flags) return answer(call, flags);
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        for (const auto& [tag, value] : memory_figures(**live)) {
            pv_dom_memory_stat record{};
            record.size = sizeof record;
            record.tag = tag;
            record.value = value;
            s_.build->add_record(out.stats, &record);
        }
        return PV_OK;
    }

    pv_status set_memory_stats_period(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_stats_period_in& in,
                                      pv_dom_set_memory_stats_period_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetMemoryStatsPeriod"); !flags) return answer(call, flags);
        if (in.period < 0) return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found period {}, expected 0 or more", in.period));
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "balloon period", [&domains, period = in.period, flags = in.flags](Guest& g) PV_REQUIRES(g.mu) {
            return domains.edit(g, flags, [&](Domain& d) -> Status {
                if (!d.devices.memballoon || d.devices.memballoon->model == "none")
                    return make_error(ErrorCode::internal_error, ErrorDomain::test,
                                      "No memory balloon device configured, can not set the collection period");
                d.devices.memballoon->stats_period = period == 0 ? Number() : Number(static_cast<std::uint32_t>(period));
                return {};
            });
        });
    }

    pv_status block_stats(pv_call* call, const pv_obj* obj, const pv_dom_block_stats_in& in, pv_dom_block_stats_out& out) {
        const auto f = block(obj, in.path);
        if (!f) return fail(call, f.error());
        out.rd_req = f->rd_reqs;
        out.rd_bytes = f->rd_bytes;
        out.wr_req = f->wr_reqs;
        out.wr_bytes = f->wr_bytes;
        out.errs = f->errors;
        return PV_OK;
    }
    pv_status block_stats_params(pv_call* call, const pv_obj* obj, const pv_dom_block_stats_params_in& in, pv_dom_block_stats_params_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainBlockStatsFlags"); !flags) return answer(call, flags);
        const auto f = block(obj, in.path);
        if (!f) return fail(call, f.error());
        const ParamWriter w(s_, out.params);
        w.put(PV_DOMAIN_BLOCK_STATS_READ_REQ, f->rd_reqs);
        w.put(PV_DOMAIN_BLOCK_STATS_READ_BYTES, f->rd_bytes);
        w.put(PV_DOMAIN_BLOCK_STATS_WRITE_REQ, f->wr_reqs);
        w.put(PV_DOMAIN_BLOCK_STATS_WRITE_BYTES, f->wr_bytes);
        w.put(PV_DOMAIN_BLOCK_STATS_ERRS, f->errors);
        return PV_OK;
    }
    pv_status block_info(pv_call* call, const pv_obj* obj, const pv_dom_block_info_in& in, pv_dom_block_info_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetBlockInfo"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->current()) return fail(call, no_domain(*guest));
        const auto disk = find_disk(*guest->current(), in.path);
        if (!disk) return fail(call, disk.error());
        out.capacity = capacity_of(guest->inside, (*disk)->target.dev);
        out.allocation = out.physical = kDiskBytes;
        return PV_OK;
    }
    pv_status interface_stats(pv_call* call, const pv_obj* obj, const pv_dom_interface_stats_in& in, pv_dom_interface_stats_out& out) {
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        const auto interface = find_interface(**live, in.device);
        if (!interface) return fail(call, interface.error());
        const InterfaceFigures f = interface_figures(now());
        out.rx_bytes = f.rx_bytes;
        out.rx_packets = f.rx_packets;
        out.rx_errs = f.rx_errs;
        out.rx_drop = f.rx_drop;
        out.tx_bytes = f.tx_bytes;
        out.tx_packets = f.tx_packets;
        out.tx_errs = f.tx_errs;
        out.tx_drop = f.tx_drop;
        return PV_OK;
    }

    pv_status cpu_stats(pv_call* call, const pv_obj* obj, const pv_dom_cpu_stats_in& in, pv_dom_cpu_stats_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetCPUStats"); !flags) return answer(call, flags);
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        const std::uint32_t cpus = vcpus_of(**live);
        constexpr std::uint64_t kPerCpu = 24'386'308'517, kVcpu = 23'151'740'627;
        out.cpus = cpus;
        if (in.start_cpu < 0) {
            out.fields = 3;
            const ParamWriter w(s_, s_.build->begin_group(out.stats, 0));
            w.put(PV_DOMAIN_CPU_STATS_CPUTIME, std::uint64_t{48'772'617'035});
            w.put(PV_DOMAIN_CPU_STATS_USERTIME, std::uint64_t{5'540'000'000});
            w.put(PV_DOMAIN_CPU_STATS_SYSTEMTIME, std::uint64_t{6'460'000'000});
            return PV_OK;
        }
        out.fields = 2;
        const auto start = static_cast<std::uint32_t>(in.start_cpu);
        if (start >= cpus)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "start_cpu {} larger than maximum of {}", start, cpus - 1));
        for (std::uint32_t i = start; i < std::min(cpus, start + in.ncpus); ++i) {
            const ParamWriter w(s_, s_.build->begin_group(out.stats, 0));
            w.put(PV_DOMAIN_CPU_STATS_CPUTIME, kPerCpu + i);
            w.put(PV_DOMAIN_CPU_STATS_VCPUTIME, kVcpu + i);
        }
        return PV_OK;
    }

    pv_status disk_errors(pv_call* call, const pv_obj* obj, const pv_dom_disk_errors_in& in, pv_dom_disk_errors_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainGetDiskErrors"); !flags) return answer(call, flags);
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        std::int32_t error = PV_DOMAIN_DISK_ERROR_UNSPEC; // one of each kind in turn, so that a client meets them all
        for (const Disk& disk : (*live)->devices.disks) {
            pv_dom_disk_error record{};
            record.size = sizeof record;
            record.disk = disk.target.dev.c_str();
            record.error = error;
            s_.build->add_record(out.errors, &record);
            error = error == PV_DOMAIN_DISK_ERROR_UNSPEC ? PV_DOMAIN_DISK_ERROR_NO_SPACE : PV_DOMAIN_DISK_ERROR_UNSPEC;
        }
        return PV_OK;
    }

    pv_status perf_events(pv_call* call, const pv_obj* obj, const pv_dom_perf_events_in& in, pv_dom_perf_events_out& out) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainGetPerfEvents"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        Result<DocumentPtr> document = DocumentPtr{};
        {
            const ObjectLock lock(guest->mu);
            document = driver_.domains().pick(*guest, in.flags);
        }
        if (!document) return fail(call, document.error());
        put_perf(s_, out.params, (*document)->perf);
        return PV_OK;
    }
    pv_status set_perf_events(pv_call* call, const pv_obj* obj, const pv_dom_set_perf_events_in& in, pv_dom_set_perf_events_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetPerfEvents"); !flags) return answer(call, flags);
        if (const Status known = check_perf({in.params, in.nparams}); !known) return answer(call, known);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "perf events", [&domains, params = in.params, count = in.nparams, flags = in.flags](Guest& guest) PV_REQUIRES(guest.mu) {
            return domains.edit(guest, flags, [&](Domain& d) -> Status {
                take_perf({params, count}, d.perf);
                return {};
            });
        });
    }

    pv_status messages(pv_call* call, const pv_obj* obj, const pv_dom_messages_in& in, pv_dom_messages_out& out) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_MESSAGE_DEPRECATION | PV_DOMAIN_MESSAGE_TAINTING;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainGetMessages"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        DocumentPtr document;
        {
            const ObjectLock lock(guest->mu);
            document = guest->current();
        }
        if (!document) return fail(call, no_domain(*guest));
        if (in.flags == PV_DOMAIN_MESSAGE_DEPRECATION) return PV_OK;
        for (const std::string& note : document->notes) s_.build->add_string(out.messages, ("ignored configuration: " + note).c_str());
        return PV_OK;
    }

    pv_status start_dirty_rate_calc(pv_call* call, const pv_obj* obj, const pv_dom_start_dirty_rate_calc_in& in,
                                    pv_dom_start_dirty_rate_calc_out&) {
        if (in.seconds < 1 || in.seconds > 60)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "seconds={} is invalid, please choose value within [1, 60].", in.seconds));
        return driver_.domains().change(call, obj, "dirty rate", [seconds = in.seconds](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.active()) return not_running();
            guest.inside.dirty_seconds = seconds;
            return {};
        });
    }

    pv_status memory_peek(pv_call* call, const pv_obj* obj, const pv_dom_memory_peek_in& in, pv_dom_memory_peek_out& out) {
        const auto live = running(obj);
        if (!live) return fail(call, live.error());
        if (in.flags != PV_MEMORY_VIRTUAL && in.flags != PV_MEMORY_PHYSICAL)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "flags parameter must be VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL"));
        const std::uint64_t size = (*live)->memory.value_or(0) * 1024;
        return peek(call, "memory", size, in.offset, in.length, out.data);
    }
    pv_status block_peek(pv_call* call, const pv_obj* obj, const pv_dom_block_peek_in& in, pv_dom_block_peek_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainBlockPeek"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->current()) return fail(call, no_domain(*guest));
        const auto disk = find_disk(*guest->current(), in.path);
        if (!disk) return fail(call, disk.error());
        return peek(call, (*disk)->target.dev, capacity_of(guest->inside, (*disk)->target.dev), in.offset, in.length, out.data);
    }

    pv_status all_stats(pv_call* call, const pv_obj*, const pv_dom_all_stats_in& in, pv_dom_all_stats_out& out) {
        if (const Status flags = check_flags(in.flags, sdk::kAllStatsFlags, "testConnectGetAllDomainStats"); !flags) return answer(call, flags);
        if (in.ndomains > 0) {
            for (std::uint32_t i = 0; i < in.ndomains; ++i) put_stats(driver_, Domains::of(in.domains[i]), in.stats, out.stats);
            return PV_OK;
        }
        for (const GuestPtr& guest : driver_.domains().table().all())
            if (chosen(*guest, in.flags)) put_stats(driver_, guest, in.stats, out.stats);
        return PV_OK;
    }

  private:
    [[nodiscard]] std::int64_t now() const { return s_.loop->now_ns(s_.host); }

    static Result<DocumentPtr> running(const pv_obj* obj) {
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (!guest->live) return not_running();
        return guest->live;
    }
    Result<BlockFigures> block(const pv_obj* obj, const char* path) const {
        PV_ASSIGN_OR_RETURN(const DocumentPtr live, running(obj));
        if (*path != '\0' && !find_disk(*live, path)) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "invalid path: {}", path);
        return block_figures(now());
    }
    // What is read is a pattern that tells its own place.
    pv_status peek(pv_call* call, std::string_view what, std::uint64_t size, std::uint64_t offset, std::uint32_t length, pv_sink* to) const {
        if (offset > size || length > size - offset)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "{} bytes at {} lie beyond the end of {}, which has {}", length,
                                         offset, what, size));
        std::string bytes(length, '\0');
        for (std::uint32_t i = 0; i < length; ++i) bytes[i] = static_cast<char>((offset + i) % 251);
        if (!plugin::write(s_, to, bytes))
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "{} bytes are more than can be sent", length));
        return PV_OK;
    }
    static bool chosen(Guest& guest, std::uint32_t flags) {
        const ObjectLock lock(guest.mu);
        return !guest.removed && sdk::chosen(sdk::Standing{guest.active(), guest.config != nullptr, guest.state}, flags);
    }
};

} // namespace

const void* dom_stats_table() {
    static const auto table = make_table<pv_dom_stats>([](auto& t) {
        t.info = op<"domain.info", &Stats::info>;
        t.control_info = op<"domain.control_info", &Stats::control_info>;
        t.memory_stats = op<"domain.memory_stats", &Stats::memory_stats>;
        t.set_memory_stats_period = op<"domain.set_memory_stats_period", &Stats::set_memory_stats_period>;
        t.block_stats = op<"domain.block_stats", &Stats::block_stats>;
        t.block_stats_params = op<"domain.block_stats_params", &Stats::block_stats_params>;
        t.block_info = op<"domain.block_info", &Stats::block_info>;
        t.interface_stats = op<"domain.interface_stats", &Stats::interface_stats>;
        t.cpu_stats = op<"domain.cpu_stats", &Stats::cpu_stats>;
        t.all_stats = op<"domain.all_stats", &Stats::all_stats>;
        t.disk_errors = op<"domain.disk_errors", &Stats::disk_errors>;
        t.perf_events = op<"domain.perf_events", &Stats::perf_events>;
        t.set_perf_events = op<"domain.set_perf_events", &Stats::set_perf_events>;
        t.messages = op<"domain.messages", &Stats::messages>;
        t.start_dirty_rate_calc = op<"domain.start_dirty_rate_calc", &Stats::start_dirty_rate_calc>;
        t.block_peek = op<"domain.block_peek", &Stats::block_peek>;
        t.memory_peek = op<"domain.memory_peek", &Stats::memory_peek>;
    });
    return &table;
}

} // namespace polyvirt::test
