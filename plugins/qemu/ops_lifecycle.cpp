// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.lifecycle: starting, stopping and pausing domains.

#include <utility>

#include <polyvirt/call.h>
#include <polyvirt/job.h>

#include "agent/channels.h"
#include "base/error_text.h"
#include "block/chain.h"
#include "block/missing.h"
#include "driver.h"
#include "launch/listens.h"
#include "launch/volumes.h"
#include "save/save_ops.h"
#include "firmware/choose.h"
#include "run.h"
#include "sdk/domain/passes.h"
#include "start_step.h"
#include "virtiofs/program.h"

namespace polyvirt::qemu {
namespace {

constexpr std::uint32_t kCreateFlags = PV_DOMAIN_START_PAUSED | PV_DOMAIN_START_AUTODESTROY | PV_DOMAIN_START_BYPASS_CACHE |
                                       PV_DOMAIN_START_FORCE_BOOT | PV_DOMAIN_START_RESET_NVRAM;

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); }

} // namespace

pv_status Driver::create(pv_call* call, const pv_obj* obj, const pv_dom_create_in& in, pv_dom_create_out&) {
    if (const Status flags = check_flags(in.flags, kCreateFlags, "qemuDomainCreateWithFlags"); !flags)
        return answer(call, flags);
    const StartOptions options{.paused = (in.flags & PV_DOMAIN_START_PAUSED) != 0,
                               .autodestroy = (in.flags & PV_DOMAIN_START_AUTODESTROY) != 0,
                               .fresh_nvram = (in.flags & PV_DOMAIN_START_RESET_NVRAM) != 0,
                               .force_boot = (in.flags & PV_DOMAIN_START_FORCE_BOOT) != 0,
                               .bypass_cache = (in.flags & PV_DOMAIN_START_BYPASS_CACHE) != 0};
    return with_job(call, obj, "start", [this, options](const sdk::OperationPtr& op, const GuestPtr& guest) {
        start_defined(op, guest, options);
    });
}

void Driver::start_defined(const sdk::OperationPtr& op, const GuestPtr& guest, const StartOptions& options) {
    sdk::domain::PackedDomainPtr config;
    bool active = false, saved = false;
    {
        const ObjectLock lock(guest->mu);
        config = guest->config;
        active = guest->active();
        saved = guest->managed_save;
    }
    if (active) return op->finish(invalid("domain is already running"));
    if (!config) return op->finish(no_domain(*guest));
    if (saved) {
        auto start = options.force_boot ? saving().start_anew(op, guest, options) : saving().start_managed(op, guest, options);
        return sdk::start(std::move(start), [op](const Status& outcome) { op->finish(outcome); });
    }
    auto description = config->unpack();
    if (!description) return op->finish(description.error());
    start_guest(op, guest, *std::move(description), options);
}

pv_status Driver::create_xml(pv_call* call, const pv_obj*, const pv_dom_create_xml_in& in, pv_dom_create_xml_out& out) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_START_PAUSED | PV_DOMAIN_START_AUTODESTROY | PV_DOMAIN_START_VALIDATE |
                                                       PV_DOMAIN_START_RESET_NVRAM,
                                         "qemuDomainCreateXML");
        !flags)
        return answer(call, flags);
    const auto description = parse(in.xml, (in.flags & PV_DOMAIN_START_VALIDATE) != 0);
    if (!description) return answer(call, description.error());
    const StartOptions options{.paused = (in.flags & PV_DOMAIN_START_PAUSED) != 0,
                               .autodestroy = (in.flags & PV_DOMAIN_START_AUTODESTROY) != 0,
                               .fresh_nvram = (in.flags & PV_DOMAIN_START_RESET_NVRAM) != 0};
    const auto start = [this, live = std::make_shared<const Domain>(*description), options](const sdk::OperationPtr& op, const GuestPtr& guest) {
        start_guest(op, guest, *live, options);
    };
    return definitions_.create(call, *description->uuid, description->name, start, out);
}

sdk::Async<Status> Driver::started(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, StartOptions options) {
    return sdk::Async<Status>([this, op, guest, description = std::move(description),
                               options = std::move(options)](const sdk::Answer<Status>& answer) {
        start_guest(sdk::Operation::nested(op, answer), guest, description, options);
    });
}

// On a worker, with the guest's job held. On the guest's strand, so that what an earlier run leaves is cleared away.
void Driver::start_guest(const sdk::OperationPtr& op, const GuestPtr& guest, Domain description, const StartOptions& options) {
    const auto live = std::make_shared<Domain>(std::move(description));
    const auto launch = [this, op, guest, live, options] { launch_guest(op, guest, live, options); };
    if (!plugin::submit(s_, guest->strand, launch)) launch();
}

// Everything from here to the guest's first instruction either succeeds or ends in Run::end(), which clears up.
void Driver::launch_guest(const sdk::OperationPtr& op, const GuestPtr& guest, const std::shared_ptr<Domain>& live,
                          const StartOptions& options) {
    const std::int32_t id = next_id_.fetch_add(1);
    live->id = id;
    Status prepared = choose_firmware(*live, read_descriptors(descriptor_folders()), nvram_folder());
    if (prepared) prepared = settle_cpu(*live);
    if (prepared) prepared = prepare_nvram(*live, options.fresh_nvram);
    assign_aliases(*live);
    if (prepared) prepared = find_volumes(s_, op->call(), *live);
    if (prepared) prepared = find_listens(s_, op->call(), *live);
    if (prepared) prepared = settle_filesystems(*live);
    const std::vector<MissingSource> missing = drop_missing(*live);
    for (sdk::domain::Hostdev& h : live->devices.hostdevs)
        if (prepared) prepared = host_devices_.find(h, options.beginning == nullptr);
    if (prepared) prepared = complete_chains(*live);
    const std::uint32_t next_image = number_images(live->devices.disks);
    const auto who = confinement_.identity(*live);
    if (who) confinement_.describe(*live, *who);
    else if (prepared) prepared = who.error();
    const std::shared_ptr<Run> run = Run::make(*this, guest, id);
    if (run && options.beginning) run->begin_as(options.beginning);
    if (run && who) run->set_identity(*who);
    Status refused;
    bool drop = false;
    {
        const ObjectLock lock(guest->mu);
        if (guest->removed) {
            refused = no_domain(*guest);
        } else if (guest->active()) {
            refused = invalid("domain is already running");
        } else if (!prepared) {
            refused = prepared;
            drop = guest->config == nullptr;
        } else if (!run) {
            refused = make_error(ErrorCode::internal_error, ErrorDomain::qemu, "no thread for domain '{}' to be had", guest->name);
            drop = guest->config == nullptr;
        } else {
            guest->live = live;
            guest->run = run;
            guest->id = id;
            guest->updated = false;
            guest->blocks = {};
            guest->blocks.next_image = next_image;
            set_state(*guest, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_STARTING_UP);
            for (const MissingSource& m : missing) post_missing(*this, *guest, m);
        }
    }
    if (drop) guests_.remove(*guest);
    if (!refused) return op->finish(refused);
    start_step(
        "domain '" + guest->name + "'",
        [&]() -> Status {
            PV_TRY(run->launch(*live, op->call()));
            // With its pid on disk it is found again, whatever happens to this daemon now.
            PV_TRY(save_status_now(guest, op->call()));
            if (options.autodestroy && op->call() != nullptr) tie_to_client(op, guest, *run);
            run->post_boot(op, options.paused);
            return {};
        },
        [&](const Error& why) { run->post_failed(op, why); });
}

// The guest ends with the client that started it.
void Driver::tie_to_client(const sdk::OperationPtr& op, const GuestPtr& guest, Run& run) {
    bool gone = false;
    {
        const ObjectLock lock(guest->mu);
        guest->autodestroy = s_.call->client(op->call());
        gone = s_.client->on_close(s_.host, guest->autodestroy, kAutodestroy, guest->handle) == PV_GONE;
    }
    if (gone) run.post_destroy(false, [](const Status&) {});
}

pv_status Driver::destroy(pv_call* call, const pv_obj* obj, const pv_dom_destroy_in& in, pv_dom_destroy_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_DESTROY_GRACEFUL, "qemuDomainDestroyFlags"); !flags)
        return answer(call, flags);
    // No job: it must work beside whatever hangs, and ends that.
    const auto run = run_of(*guest_of(obj));
    if (!run) return answer(call, run.error());
    (*run)->post_destroy((in.flags & PV_DOMAIN_DESTROY_GRACEFUL) != 0, [this, call](const Status& status) {
        s_.call->complete(call, answer(call, status));
    });
    return PV_PENDING;
}

pv_status Driver::suspend(pv_call* call, const pv_obj* obj, const pv_dom_suspend_in&, pv_dom_suspend_out&) {
    return with_job(call, obj, "suspend", [this](const sdk::OperationPtr& op, const GuestPtr& guest) {
        const auto run = run_of(*guest);
        if (!run) return op->finish(run.error());
        std::int32_t state = 0;
        {
            const ObjectLock lock(guest->mu);
            state = guest->state;
        }
        if (state == PV_DOMAIN_PMSUSPENDED) return op->finish(invalid("domain is pmsuspended"));
        if (state == PV_DOMAIN_PAUSED) return op->finish({});
        (*run)->post_suspend(op);
    });
}

pv_status Driver::resume(pv_call* call, const pv_obj* obj, const pv_dom_resume_in&, pv_dom_resume_out&) {
    return with_job(call, obj, "resume", [this](const sdk::OperationPtr& op, const GuestPtr& guest) {
        const auto run = run_of(*guest);
        if (!run) return op->finish(run.error());
        std::int32_t state = 0;
        {
            const ObjectLock lock(guest->mu);
            state = guest->state;
        }
        if (state == PV_DOMAIN_PMSUSPENDED) return op->finish(invalid("domain is pmsuspended"));
        if (state == PV_DOMAIN_RUNNING) return op->finish(invalid("domain is already running"));
        (*run)->post_resume(op);
    });
}

pv_status Driver::reset(pv_call* call, const pv_obj* obj, const pv_dom_reset_in& in, pv_dom_reset_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainReset"); !flags) return answer(call, flags);
    return with_job(call, obj, "reset", [this](const sdk::OperationPtr& op, const GuestPtr& guest) {
        const auto run = run_of(*guest);
        if (!run) return op->finish(run.error());
        (*run)->post_reset(op);
    });
}

namespace {
// Ways to end or restart a guest, of one table of flags or the other.
struct PowerWays {
    bool agent = false, button = false;
    bool any = false; // the client leaves it to us: what works
};
template <typename Flags> PowerWays ways_of(std::uint32_t flags, const Flags& known) {
    const bool any = (flags & (known.button | known.agent)) == 0;
    return {any || (flags & known.agent) != 0, any || (flags & known.button) != 0, any};
}

// The agent where there is one or it must be, else the button. `op` has the guest's job until the agent is asked: that
// may take as long as the guest likes, and others may see to it meanwhile.
sdk::Task<Status> power(RunPtr run, sdk::OperationPtr op, PowerWays ways, bool reboot, bool* gave_up) {
    PV_CO_TRY(co_await run->on_loop());
    PV_CO_TRY(run->check_running());
    const Status ready = ways.agent ? run->channels().check_agent() : Status();
    if (ways.agent && !ways.any) PV_CO_TRY(ready);
    if (ways.agent && ready) {
        // What its agent does is its own: a power-off is one.
        PV_CO_TRY(co_await run->powerdown(false, false));
        *gave_up = true;
        static_cast<void>(op->give_up());
        const Status asked = co_await agent_power(run, reboot ? AgentPower::reboot : AgentPower::powerdown);
        if (asked || !ways.button) co_return asked;
    }
    co_return co_await run->powerdown(reboot, true);
}
} // namespace

pv_status Driver::ask_power(pv_call* call, const pv_obj* obj, const char* what, std::uint32_t flags, PowerFlags known, bool reboot) {
    return with_job(call, obj, what, [this, call, ways = ways_of(flags, known), reboot](const sdk::OperationPtr& op, const GuestPtr& guest) {
        const auto run = run_of(*guest);
        if (!run) return op->finish(run.error());
        const auto gave_up = std::make_shared<bool>(false);
        sdk::start(power(*run, op, ways, reboot, gave_up.get()), [this, call, op, gave_up](const Status& outcome) {
            if (*gave_up) s_.call->complete(call, answer(call, outcome));
            else op->finish(outcome);
        });
    });
}

pv_status Driver::shutdown(pv_call* call, const pv_obj* obj, const pv_dom_shutdown_in& in, pv_dom_shutdown_out&) {
    constexpr std::uint32_t kButton = PV_DOMAIN_SHUTDOWN_ACPI_POWER_BTN, kAgent = PV_DOMAIN_SHUTDOWN_GUEST_AGENT;
    if (const Status flags = check_flags(in.flags, kButton | kAgent, "qemuDomainShutdownFlags"); !flags) return answer(call, flags);
    return ask_power(call, obj, "shutdown", in.flags, {kButton, kAgent}, false);
}

pv_status Driver::reboot(pv_call* call, const pv_obj* obj, const pv_dom_reboot_in& in, pv_dom_reboot_out&) {
    constexpr std::uint32_t kButton = PV_DOMAIN_REBOOT_ACPI_POWER_BTN, kAgent = PV_DOMAIN_REBOOT_GUEST_AGENT;
    if (const Status flags = check_flags(in.flags, kButton | kAgent, "qemuDomainReboot"); !flags) return answer(call, flags);
    return ask_power(call, obj, "reboot", in.flags, {kButton, kAgent}, true);
}

} // namespace polyvirt::qemu
