// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.tune: what is a list of typed parameters. Each getter and setter is an element of the document and a table.

#include <algorithm>

#include "dom_tune.h"
#include "domains.h"
#include "op.h"
#include "sdk/io_tune.h"
#include "sdk/tune_params.h"
#include "sdk/xml/compare.h"

namespace polyvirt::test {
namespace {

using namespace sdk;
using namespace sdk::domain;
using sdk::network::Bandwidth;
using sdk::xml::unless_blank;

Status check_io_tune(const DiskIotune& t) {
    PV_TRY(check_exclusive(t, ErrorDomain::test));
    const auto below = [](const char* name, const U64& rate, const U64& peak) -> Status {
        if (!rate || !peak || *peak >= *rate) return {};
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "{} cannot be set higher than {}_max", name, name);
    };
    for (const IoTuneRate& r : kIoTuneRates) PV_TRY(below(r.name, t.*r.rate, t.*r.peak));
    return {};
}

class Params : public Ops {
  public:
    using Ops::Ops;

    pv_status scheduler_type(pv_call*, const pv_obj*, const pv_dom_scheduler_type_in&, pv_dom_scheduler_type_out& out) {
        out.nparams = 1;
        return put(out.type, "fair");
    }
    pv_status scheduler_params(pv_call* call, const pv_obj* obj, const pv_dom_scheduler_params_in& in, pv_dom_scheduler_params_out& out) {
        return read(call, obj, in.flags, "testDomainGetSchedulerParametersFlags", [&](const Domain& d) -> Status {
            const Cputune tune = d.cputune.value_or(Cputune{});
            // The API has this one as 32 bits wide, the document as 64.
            ParamWriter(s_, out.params).put(PV_DOMAIN_SCHEDULER_WEIGHT, static_cast<std::uint32_t>(tune.shares.value_or(50)));
            return {};
        });
    }
    pv_status set_scheduler_params(pv_call* call, const pv_obj* obj, const pv_dom_set_scheduler_params_in& in,
                                   pv_dom_set_scheduler_params_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetSchedulerParametersFlags"); !flags) return answer(call, flags);
        std::uint32_t weight = 0;
        for (std::uint32_t i = 0; i < in.nparams; ++i) {
            if (std::string_view(in.params[i].field) != PV_DOMAIN_SCHEDULER_WEIGHT) return fail(call, unknown_param(in.params[i].field));
            if (in.params[i].type != PV_PARAM_UINT) return fail(call, wrong_param_type(in.params[i], PV_PARAM_UINT));
            weight = in.params[i].v.ui;
        }
        return write(call, obj, in.flags, "testDomainSetSchedulerParametersFlags", [weight](Domain& d) -> Status {
            Cputune tune = d.cputune.value_or(Cputune{});
            if (weight != 0) tune.shares = weight;
            d.cputune = unless_blank(std::move(tune));
            return {};
        });
    }

    pv_status memory_params(pv_call* call, const pv_obj* obj, const pv_dom_memory_params_in& in, pv_dom_memory_params_out& out) {
        return read(call, obj, in.flags, "testDomainGetMemoryParameters", [&](const Domain& d) -> Status {
            const Memtune tune = d.memtune.value_or(Memtune{});
            put_memory(s_, out.params, tune);
            return {};
        });
    }
    pv_status set_memory_params(pv_call* call, const pv_obj* obj, const pv_dom_set_memory_params_in& in, pv_dom_set_memory_params_out&) {
        return take(call, obj, in.flags, in.params, in.nparams, "testDomainSetMemoryParameters",
                    [](Domain& d, const pv_param* params, std::uint32_t count) -> Status {
                        Memtune tune = d.memtune.value_or(Memtune{});
                        PV_TRY(take_memory({params, count}, tune));
                        d.memtune = unless_blank(std::move(tune));
                        return {};
                    });
    }

    pv_status blkio_params(pv_call* call, const pv_obj* obj, const pv_dom_blkio_params_in& in, pv_dom_blkio_params_out& out) {
        return read(call, obj, in.flags, "testDomainGetBlkioParameters", [&](const Domain& d) -> Status {
            const Blkiotune tune = d.blkiotune.value_or(Blkiotune{});
            put_blkio(s_, out.params, tune);
            return {};
        });
    }
    pv_status set_blkio_params(pv_call* call, const pv_obj* obj, const pv_dom_set_blkio_params_in& in, pv_dom_set_blkio_params_out&) {
        return take(call, obj, in.flags, in.params, in.nparams, "testDomainSetBlkioParameters",
                    [](Domain& d, const pv_param* params, std::uint32_t count) -> Status {
                        Blkiotune tune = d.blkiotune.value_or(Blkiotune{});
                        PV_TRY(check_weight(params, count));
                        PV_TRY(take_blkio({params, count}, tune));
                        d.blkiotune = unless_blank(std::move(tune));
                        return {};
                    });
    }

    pv_status numa_params(pv_call* call, const pv_obj* obj, const pv_dom_numa_params_in& in, pv_dom_numa_params_out& out) {
        return read(call, obj, in.flags, "testDomainGetNumaParameters", [&](const Domain& d) -> Status {
            put_numa(s_, out.params, memory_of(d));
            return {};
        });
    }
    pv_status set_numa_params(pv_call* call, const pv_obj* obj, const pv_dom_set_numa_params_in& in, pv_dom_set_numa_params_out&) {
        return take(call, obj, in.flags, in.params, in.nparams, "testDomainSetNumaParameters",
                    [](Domain& d, const pv_param* params, std::uint32_t count) -> Status {
                        NumaMemory tune = memory_of(d);
                        PV_TRY(take_numa({params, count}, tune, ErrorDomain::test));
                        if (!tune.nodeset.empty() && tune.mode.empty()) tune.mode = "strict";
                        Numatune all = d.numatune.value_or(Numatune{});
                        all.memory = unless_blank(std::move(tune));
                        d.numatune = unless_blank(std::move(all));
                        return {};
                    });
    }

    pv_status interface_params(pv_call* call, const pv_obj* obj, const pv_dom_interface_params_in& in, pv_dom_interface_params_out& out) {
        return read(call, obj, in.flags, "testDomainGetInterfaceParameters", [&](const Domain& d) -> Status {
            PV_ASSIGN_OR_RETURN(const Interface* const found, find_interface(d, in.device));
            put_bandwidth(s_, out.params, found->bandwidth.value_or(Bandwidth{}));
            return {};
        });
    }
    pv_status set_interface_params(pv_call* call, const pv_obj* obj, const pv_dom_set_interface_params_in& in,
                                   pv_dom_set_interface_params_out&) {
        return take(call, obj, in.flags, in.params, in.nparams, "testDomainSetInterfaceParameters",
                    [device = std::string(in.device)](Domain& d, const pv_param* params, std::uint32_t count) -> Status {
                        PV_ASSIGN_OR_RETURN(const Interface* const found, find_interface(d, device));
                        auto& interface = const_cast<Interface&>(*found); // of `d`, which is ours to change
                        Bandwidth bandwidth = interface.bandwidth.value_or(Bandwidth{});
                        PV_TRY(take_bandwidth({params, count}, bandwidth));
                        interface.bandwidth = unless_blank(std::move(bandwidth));
                        return {};
                    });
    }

    pv_status block_io_tune(pv_call* call, const pv_obj* obj, const pv_dom_block_io_tune_in& in, pv_dom_block_io_tune_out& out) {
        return read(call, obj, in.flags, "testDomainGetBlockIoTune", [&](const Domain& d) -> Status {
            DiskIotune tune;
            if (in.disk != nullptr) {
                PV_ASSIGN_OR_RETURN(const Disk* const disk, find_disk(d, in.disk));
                tune = disk->iotune.value_or(DiskIotune{});
            }
            put_all(s_, out.params, kIoTuneRows, tune);
            return {};
        });
    }
    pv_status set_block_io_tune(pv_call* call, const pv_obj* obj, const pv_dom_set_block_io_tune_in& in, pv_dom_set_block_io_tune_out&) {
        return take(call, obj, in.flags, in.params, in.nparams, "testDomainSetBlockIoTune",
                    [name = std::string(in.disk)](Domain& d, const pv_param* params, std::uint32_t count) -> Status {
                        PV_ASSIGN_OR_RETURN(const Disk* const found, find_disk(d, name));
                        auto& disk = const_cast<Disk&>(*found);
                        DiskIotune tune = disk.iotune.value_or(DiskIotune{});
                        PV_TRY(take_all(params, count, kIoTuneRows, tune));
                        PV_TRY(check_io_tune(tune));
                        disk.iotune = unless_blank(std::move(tune));
                        return {};
                    });
    }

  private:
    // The API's own bounds of a weight; 0 takes it away.
    static Status check_weight(const pv_param* params, std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i)
            if (std::string_view(params[i].field) == PV_DOMAIN_BLKIO_WEIGHT && params[i].type == PV_PARAM_UINT && params[i].v.ui != 0 &&
                (params[i].v.ui < 10 || params[i].v.ui > 1000))
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found weight {}, expected 10 to 1000, or 0", params[i].v.ui);
        return {};
    }

    static NumaMemory memory_of(const Domain& d) {
        return d.numatune && d.numatune->memory ? *d.numatune->memory : NumaMemory{};
    }
    template <typename Use>
    pv_status read(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, Use&& use) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        const GuestPtr guest = Domains::of(obj);
        Result<DocumentPtr> document = DocumentPtr{};
        {
            const ObjectLock lock(guest->mu);
            document = driver_.domains().pick(*guest, flags);
        }
        if (!document) return fail(call, document.error());
        return answer(call, use(**document));
    }

    pv_status write(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* function, std::function<Status(Domain&)> edit) {
        if (const Status known = check_flags(flags, kAffect, function); !known) return answer(call, known);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, function, [&domains, flags, edit = std::move(edit)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            return domains.edit(guest, flags, edit);
        });
    }
    // The parameters stay the host's until the call completes, which is after the edit.
    using Take = std::function<Status(Domain&, const pv_param*, std::uint32_t)>;
    pv_status take(pv_call* call, const pv_obj* obj, std::uint32_t flags, const pv_param* params, std::uint32_t count,
                   const char* function, Take edit) {
        return write(call, obj, flags, function,
                     [params, count, edit = std::move(edit)](Domain& d) { return edit(d, params, count); });
    }
};

} // namespace

void fill_params(pv_dom_tune& t) {
    t.scheduler_type = op<"domain.scheduler_type", &Params::scheduler_type>;
    t.scheduler_params = op<"domain.scheduler_params", &Params::scheduler_params>;
    t.set_scheduler_params = op<"domain.set_scheduler_params", &Params::set_scheduler_params>;
    t.memory_params = op<"domain.memory_params", &Params::memory_params>;
    t.set_memory_params = op<"domain.set_memory_params", &Params::set_memory_params>;
    t.blkio_params = op<"domain.blkio_params", &Params::blkio_params>;
    t.set_blkio_params = op<"domain.set_blkio_params", &Params::set_blkio_params>;
    t.numa_params = op<"domain.numa_params", &Params::numa_params>;
    t.set_numa_params = op<"domain.set_numa_params", &Params::set_numa_params>;
    t.interface_params = op<"domain.interface_params", &Params::interface_params>;
    t.set_interface_params = op<"domain.set_interface_params", &Params::set_interface_params>;
    t.block_io_tune = op<"domain.block_io_tune", &Params::block_io_tune>;
    t.set_block_io_tune = op<"domain.set_block_io_tune", &Params::set_block_io_tune>;
}

} // namespace polyvirt::test
