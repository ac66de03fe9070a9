// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Limits on the I/O of disks: read from the description, which is what the emulator was told.

#include "sdk/io_tune.h"

#include "base/error_text.h"
#include "block/block_ops.h"
#include "block/iotune.h"
#include "driver.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

constexpr std::uint64_t kMaxLimit = 1'000'000'000'000'000; // what the emulator's arithmetic bears
constexpr std::uint32_t kFlags = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;

struct Key {
    const char* emulator; // "bps_rd"; peaks and lengths have endings
    const sdk::IoTuneRate* rate;
};
constexpr Key kKeys[] = {{"bps", &sdk::kIoTuneRates[0]},  {"bps_rd", &sdk::kIoTuneRates[1]},  {"bps_wr", &sdk::kIoTuneRates[2]},
                         {"iops", &sdk::kIoTuneRates[3]}, {"iops_rd", &sdk::kIoTuneRates[4]}, {"iops_wr", &sdk::kIoTuneRates[5]}};

Result<const Disk*> config_disk(const Domain& config, std::string_view name) {
    if (const Disk* const disk = find_disk(config, name)) return disk;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "disk '{}' was not found in the domain config", name);
}

// What a client asked for, checked by itself.
struct Wanted {
    DiskIotune tune;
    sdk::IoTuneFields fields;
};
Result<Wanted> wanted_of(const pv_dom_set_block_io_tune_in& in) {
    Wanted wanted;
    PV_TRY(sdk::take_all(in.params, in.nparams, sdk::kIoTuneRows, wanted.tune));
    for (std::uint32_t i = 0; i < in.nparams; ++i) {
        wanted.fields.emplace_back(in.params[i].field);
        if (in.params[i].type == PV_PARAM_ULLONG && in.params[i].v.ul > kMaxLimit)
            return make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "block I/O throttle limit value must be no more than {}", kMaxLimit);
    }
    PV_TRY(sdk::check_exclusive(wanted.tune, ErrorDomain::qemu));
    return wanted;
}

// What a disk has afterwards; whoever joins a group without limits of its own gets the group's.
Result<DiskIotune> tuned(const Domain& domain, const Disk& disk, const Wanted& wanted) {
    DiskIotune before = disk.iotune.value_or(DiskIotune{});
    const std::string& group = wanted.tune.group_name;
    if (!group.empty() && group != before.group_name) {
        for (const Disk& other : domain.devices.disks)
            if (&other != &disk && other.iotune && other.iotune->group_name == group) before = *other.iotune;
    }
    return sdk::merge_io_tune(before, wanted.tune, wanted.fields, ErrorDomain::qemu);
}

// Clients that listen are told what was asked for.
void post_tunable(const Driver& driver, const Guest& guest, const std::string& target, const pv_dom_set_block_io_tune_in& in) PV_REQUIRES(guest.mu) {
    std::vector<std::string> names;
    names.reserve(in.nparams); // the parameters point into it
    std::vector<pv_param> params(1);
    params[0].field = PV_DOMAIN_TUNABLE_BLKDEV_DISK;
    params[0].type = PV_PARAM_STRING;
    params[0].v.s = target.c_str();
    for (std::uint32_t i = 0; i < in.nparams; ++i) {
        names.push_back(fmt::format("blkdeviotune.{}", in.params[i].field));
        params.push_back(in.params[i]);
        params.back().field = names.back().c_str();
    }
    pv_event_domain_tunable payload{};
    payload.size = sizeof payload;
    payload.params = params.data();
    payload.nparams = static_cast<std::uint32_t>(params.size());
    driver.post_event(guest, PV_EVENT_DOMAIN_TUNABLE, &payload);
}

} // namespace

Json throttle_arguments(const Disk& disk, const DiskIotune& tune) {
    Json arguments = {{"id", device_path(disk)}};
    for (const Key& key : kKeys) {
        arguments[key.emulator] = (tune.*key.rate->rate).value_or(0);
        arguments[std::string(key.emulator) + "_max"] = (tune.*key.rate->peak).value_or(0);
        // Absent, a peak lasts a second; zero is refused.
        if (const auto length = tune.*key.rate->length) arguments[std::string(key.emulator) + "_max_length"] = *length;
    }
    arguments["iops_size"] = tune.size_iops_sec.value_or(0);
    if (!tune.group_name.empty()) arguments["group"] = tune.group_name;
    return arguments;
}

void set_io_tune(Domain& domain, const std::string& target, const DiskIotune& tune) {
    // Who has no limits any more leaves its group, and the others theirs.
    const std::string group = sdk::limits_io(tune) ? tune.group_name : std::string();
    for (Disk& disk : domain.devices.disks) {
        const bool fellow = !group.empty() && disk.iotune && disk.iotune->group_name == group;
        if (disk.target.dev != target && !fellow) continue;
        disk.iotune = sdk::limits_io(tune) ? std::optional(tune) : std::nullopt;
    }
}

sdk::Task<Status> apply_io_tune(RunPtr run) {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(run->guest()->mu);
        live = run->guest()->live;
    }
    if (!live) co_return Status{};
    for (const Disk& disk : live->devices.disks) {
        if (!disk.iotune || !sdk::limits_io(*disk.iotune)) continue;
        PV_CO_TRY(co_await run->qmp("block_set_io_throttle", throttle_arguments(disk, *disk.iotune)));
    }
    co_return Status{};
}

pv_status BlockOps::block_io_tune(pv_call* call, const pv_obj* obj, const pv_dom_block_io_tune_in& in, pv_dom_block_io_tune_out& out) {
    if (const Status flags = check_flags(in.flags, kFlags, "qemuDomainGetBlockIoTune"); !flags) return answer(call, flags);
    DiskIotune tune;
    const GuestPtr guest = guest_of(obj);
    const auto affected = affected_by(*guest, in.flags);
    if (!affected) return answer(call, affected.error());
    if (in.disk != nullptr) {
        std::shared_ptr<const Domain> live;
        PackedDomainPtr config;
        {
            const ObjectLock lock(guest->mu);
            live = guest->live;
            config = guest->config;
        }
        if (affected->config && config) {
            const auto domain = config->unpack();
            if (!domain) return answer(call, domain.error());
            const auto disk = config_disk(*domain, in.disk);
            if (!disk) return answer(call, disk.error());
            tune = (*disk)->iotune.value_or(DiskIotune{});
        } else if (live) {
            const auto disk = need_disk(*live, in.disk);
            if (!disk) return answer(call, disk.error());
            tune = (*disk)->iotune.value_or(DiskIotune{});
            // The emulator makes a group of each disk that is limited.
            if (sdk::limits_io(tune) && tune.group_name.empty()) tune.group_name = device_path(**disk);
        }
    }
    sdk::put_all(s_, out.params, sdk::kIoTuneRows, tune);
    return PV_OK;
}

BlockOps::Task BlockOps::tune(sdk::OperationPtr op, GuestPtr guest, std::string name, std::uint32_t flags, pv_dom_set_block_io_tune_in in) {
    const auto affected = affected_by(*guest, flags);
    PV_CO_TRY(affected);
    const auto wanted = wanted_of(in);
    PV_CO_TRY(wanted);
    Result<Domain> config = Error{};
    if (affected->config) {
        config = driver_.edited_config(guest, [&](Domain& domain) -> Status {
            PV_ASSIGN_OR_RETURN(const Disk* const disk, config_disk(domain, name));
            PV_ASSIGN_OR_RETURN(const DiskIotune now, tuned(domain, *disk, *wanted));
            set_io_tune(domain, disk->target.dev, now);
            return {};
        });
        PV_CO_TRY(config);
    }
    if (affected->live) {
        const auto run = run_of(*guest);
        PV_CO_TRY(run);
        std::shared_ptr<const Domain> live;
        {
            const ObjectLock lock(guest->mu);
            live = guest->live;
        }
        const auto disk = live ? need_disk(*live, name) : Result<const Disk*>(no_domain(*guest));
        PV_CO_TRY(disk);
        const auto now = tuned(*live, **disk, *wanted);
        PV_CO_TRY(now);
        PV_CO_TRY(co_await (*run)->qmp("block_set_io_throttle", throttle_arguments(**disk, *now)));
        {
            const ObjectLock lock(guest->mu);
            driver_.edit_live(*guest, [&](Domain& domain) { set_io_tune(domain, (*disk)->target.dev, *now); });
            if (guest->live) post_tunable(driver_, *guest, (*disk)->target.dev, in);
        }
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    if (config) PV_CO_TRY(driver_.put_config(guest, *config, op->call()));
    co_return Status{};
}

pv_status BlockOps::set_block_io_tune(pv_call* call, const pv_obj* obj, const pv_dom_set_block_io_tune_in& in, pv_dom_set_block_io_tune_out&) {
    if (const Status flags = check_flags(in.flags, kFlags, "qemuDomainSetBlockIoTune"); !flags) return answer(call, flags);
    return change(call, obj, "block I/O tune", [this, in](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return tune(op, guest, in.disk, in.flags, in);
    });
}

} // namespace polyvirt::qemu
