// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Virtual processors that come and go while the guest runs.

#include <algorithm>

#include "base/error_text.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"
#include "sdk/domain/vcpus.h"
#include "stats/figures.h"
#include "tune/prepare.h"
#include "tune/tune_ops.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using sdk::xml::CpuSet;
using sdk::xml::YesNo;

// The guest's system may refuse, or take its time: it is told that it was asked.
constexpr std::int64_t kUnplugPatience = 5 * Monitor::kSecond;

std::shared_ptr<const Domain> live_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    return guest.live;
}

bool can_unplug(const Domain& d, std::uint32_t vcpu) {
    return vcpu != 0 && std::any_of(d.vcpus.begin(), d.vcpus.end(), [vcpu](const IndividualVcpu& v) {
        return v.id == vcpu && v.enabled == YesNo::yes && v.hotpluggable == YesNo::yes;
    });
}

// Which ones to switch until so many are on: the lowest that are off, or the highest that can go.
Result<std::vector<std::uint32_t>> choose(const Domain& d, std::uint32_t count) {
    std::vector<std::uint32_t> list;
    std::uint32_t now = online_vcpus(d);
    for (std::uint32_t i = 0; i < max_vcpus(d) && now < count; ++i)
        if (!is_online(d, i)) list.push_back(i), ++now;
    for (std::uint32_t i = max_vcpus(d); i-- > 0 && now > count;)
        if (can_unplug(d, i)) list.push_back(i), --now;
    if (now != count)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "failed to find appropriate hotpluggable vcpus to reach the desired target vcpu count");
    return list;
}

Status check_count(const Domain& d, std::uint32_t count, std::string_view which) {
    if (count <= max_vcpus(d)) return {};
    return wrong_argument(fmt::format("requested vcpus is greater than max allowable vcpus for the {} domain: {} > {}", which, count, max_vcpus(d)));
}

Status check_live_switch(const Domain& d, const CpuSet& set, bool on) {
    for (const auto& [first, last] : set.ranges)
        for (std::uint32_t i = first; i <= last && i < max_vcpus(d); ++i)
            if (is_online(d, i) == on) return wrong_argument(fmt::format("vcpu '{}' is already in requested state", i));
    return {};
}

Status check_present(const Domain& d, const CpuSet& set, std::string_view which) {
    for (const auto& [first, last] : set.ranges)
        if (last >= max_vcpus(d)) return wrong_argument(fmt::format("vcpu {} is not present in {} config", std::max(first, max_vcpus(d)), which));
    return {};
}

} // namespace

TuneOps::Task TuneOps::change_vcpus(sdk::OperationPtr op, GuestPtr guest, pv_dom_set_vcpus_in in) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, in.flags & kAffect));
    const auto live = affected.live ? live_of(*guest) : nullptr;
    if (live) PV_CO_TRY(check_count(*live, in.count, "live"));
    std::optional<Domain> config;
    if (affected.config) {
        auto edited = driver_.edited_config(guest, [&](Domain& d) -> Status {
            PV_TRY(check_count(d, in.count, "persistent"));
            set_online_vcpus(d, in.count, (in.flags & PV_DOMAIN_VCPU_HOTPLUGGABLE) != 0);
            return {};
        });
        PV_CO_TRY(edited);
        config = *std::move(edited);
    }
    if (live) {
        auto run = run_of(*guest);
        PV_CO_TRY(run);
        auto list = choose(*live, in.count);
        PV_CO_TRY(list);
        const bool on = in.count > online_vcpus(*live);
        for (const std::uint32_t vcpu : *list) {
            if (on) PV_CO_TRY(co_await plug(*run, vcpu));
            else PV_CO_TRY(co_await unplug(*run, vcpu));
        }
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    if (config) co_return driver_.put_config(guest, *config, op->call());
    co_return Status{};
}

TuneOps::Task TuneOps::switch_vcpus(sdk::OperationPtr op, GuestPtr guest, CpuSet set, bool on, std::uint32_t flags) {
    PV_CO_ASSIGN_OR_RETURN(const Affected affected, affected_by(*guest, flags));
    const auto live = affected.live ? live_of(*guest) : nullptr;
    std::optional<Domain> config;
    if (affected.config) {
        auto edited = driver_.edited_config(guest, [&](Domain& d) -> Status {
            PV_TRY(check_present(d, set, "persistent"));
            if (live) PV_TRY(check_present(*live, set, "live"));
            if (live) PV_TRY(check_live_switch(*live, set, on));
            PV_TRY(check_vcpu_switch(d, set, ErrorDomain::qemu));
            for (std::uint32_t i = 0; i < max_vcpus(d); ++i)
                if (set.contains(i)) set_vcpu_online(d, i, on);
            return {};
        });
        PV_CO_TRY(edited);
        config = *std::move(edited);
    }
    if (live) {
        auto run = run_of(*guest);
        PV_CO_TRY(run);
        PV_CO_TRY(check_present(*live, set, "live"));
        PV_CO_TRY(check_live_switch(*live, set, on));
        if (set.size() > 1) co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "only one hotpluggable entity can be selected");
        const std::uint32_t vcpu = set.ranges.front().first;
        if (!on && !can_unplug(*live, vcpu))
            co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "vcpu '{}' can't be unplugged", vcpu);
        if (on) PV_CO_TRY(co_await plug(*run, vcpu));
        else PV_CO_TRY(co_await unplug(*run, vcpu));
        PV_CO_TRY(co_await driver_.saved(guest));
    }
    if (config) co_return driver_.put_config(guest, *config, op->call());
    co_return Status{};
}

TuneOps::Task TuneOps::plug(RunPtr run, std::uint32_t vcpu) {
    const auto places = co_await learn_places(run);
    PV_CO_TRY(places);
    const auto place = std::find_if(places->begin(), places->end(), [&](const VcpuPlace& p) { return p.vcpu == vcpu; });
    if (place == places->end() || !place->path.empty())
        co_return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                             "failed to find appropriate hotpluggable vcpus to reach the desired target vcpu count");
    Json arguments = place->props;
    arguments["driver"] = place->type;
    arguments["id"] = fmt::format("vcpu{}", vcpu);
    const auto added = co_await run->qmp("device_add", std::move(arguments));
    PV_CO_TRY(added);
    PV_CO_TRY(co_await learn_threads(run));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(run->guest()->mu);
        show_vcpus(*run);
        live = run->guest()->live;
    }
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    if (live) PV_CO_TRY(welcome_vcpu(*run, *live, vcpu));
    co_return Status{};
}

TuneOps::Task TuneOps::unplug(RunPtr run, std::uint32_t vcpu) {
    const ThreadsPtr threads = run->figures().threads();
    const VcpuThread* const thread = threads ? threads->vcpu(vcpu) : nullptr;
    if (thread == nullptr || thread->alias.empty())
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "vcpu '{}' can't be unplugged", vcpu);
    const std::string alias = thread->alias;
    // Made before: gcc 12 destroys what a lambda in such an expression holds twice.
    std::function<bool(const Json&)> match = [alias](const Json& data) { return text_of(data, "device") == alias; };
    auto gone = co_await run->expect("DEVICE_DELETED", std::move(match));
    PV_CO_TRY(gone);
    Json arguments = {{"id", alias}};
    const auto asked = co_await run->qmp("device_del", std::move(arguments));
    PV_CO_TRY(asked);
    const auto event = co_await run->wait(*gone, kUnplugPatience);
    if (!event && event.error().code == ErrorCode::operation_timeout)
        co_return make_error(ErrorCode::operation_timeout, ErrorDomain::qemu,
                             "vcpu unplug request timed out. Unplug result must be manually inspected in the domain");
    PV_CO_TRY(event);
    co_return Status{}; // on_vcpu_deleted() has brought the description up to it
}

} // namespace polyvirt::qemu
