// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A guest from a file: a new emulator that reads its state before it runs.

#include <cerrno>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "hooks/hooks.h"
#include "run.h"
#include "save/migrate.h"
#include "save/params.h"
#include "save/save_ops.h"

namespace polyvirt::qemu {

Result<std::shared_ptr<Beginning>> SaveOps::beginning_from(OpenImage& image, bool paused, bool direct) {
    auto beginning = std::make_shared<Beginning>();
    beginning->running = PV_DOMAIN_RUNNING_RESTORED;
    beginning->paused = PV_DOMAIN_PAUSED_MIGRATION; // as the peer shows it
    beginning->started = PV_DOMAIN_EVENT_STARTED_RESTORED;
    beginning->suspended = paused ? PV_DOMAIN_EVENT_SUSPENDED_PAUSED : PV_DOMAIN_EVENT_SUSPENDED_RESTORED;
    beginning->prepare = [](std::shared_ptr<Run> run) { return read_incoming(std::move(run)); };
    // An image whose stream begins within a block (another program wrote it) is read as usual.
    const bool past_cache = direct && image.head.stream_at() % kImageBlock == 0;
    PV_ASSIGN_OR_RETURN(const Programs programs, programs_from(image.fd.get(), image.head.facts.compression, past_cache));
    if (programs.empty()) {
        beginning->incoming = std::move(image.fd);
    } else {
        PV_ASSIGN_OR_RETURN(beginning->incoming, read_through(s_, driver_.shared_loop(), programs, image.fd.get()));
    }
    return beginning;
}

pv_status SaveOps::restore(pv_call* call, const pv_obj*, const pv_dom_restore_in& in, pv_dom_restore_out&) {
    constexpr std::uint32_t kKnown = kSaveFlags | PV_DOMAIN_SAVE_RESET_NVRAM;
    const auto params = read_save_params(in.params, in.nparams, in.flags, kKnown, "qemuDomainRestoreParams");
    if (!params) return answer(call, params.error());
    auto opened = open_saved(params->file);
    if (!opened) return answer(call, opened.error());
    const auto image = std::make_shared<OpenImage>(*std::move(opened));
    auto hooked = restore_hook(driver_, image->head.facts.xml);
    if (!hooked) return answer(call, hooked.error());
    image->head.facts.xml = *std::move(hooked);
    if (!params->dxml.empty()) {
        const auto was = sdk::domain::parse_domain(image->head.facts.xml);
        if (!was) return answer(call, was.error());
        auto replaced = replacement(params->dxml, was->domain.uuid.value_or(Uuid{}));
        if (!replaced) return answer(call, replaced.error());
        image->head.facts.xml = *std::move(replaced);
    }
    auto parsed = driver_.parse(image->head.facts.xml);
    if (!parsed) return answer(call, parsed.error());
    const auto description = std::make_shared<const Domain>(*std::move(parsed));
    auto guest = std::make_shared<Guest>(*description->uuid, description->name);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    const auto added = driver_.guests().add(guest, call, desc);
    if (!added) return answer(call, added.error());
    const pv_status status = with_job(call, added->object, PV_JOB_ASYNC, "restore", [this, image, description, flags = in.flags](const sdk::OperationPtr& op, const GuestPtr& of) {
        return restore_guest(op, of, image, description, flags);
    });
    if (status != PV_PENDING && added->fresh) driver_.guests().remove(*added->object);
    return status;
}

SaveOps::Task SaveOps::restore_guest(sdk::OperationPtr op, GuestPtr guest, std::shared_ptr<OpenImage> image, std::shared_ptr<const Domain> description,
                                     std::uint32_t flags) {
    {
        const ObjectLock lock(guest->mu);
        if (guest->active())
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is already active as '{}'", guest->name);
    }
    bool running = image->head.facts.running;
    if ((flags & PV_DOMAIN_SAVE_RUNNING) != 0) running = true;
    if ((flags & PV_DOMAIN_SAVE_PAUSED) != 0) running = false;
    StartOptions options;
    options.paused = !running;
    options.fresh_nvram = (flags & PV_DOMAIN_SAVE_RESET_NVRAM) != 0;
    options.force_boot = true;
    PV_CO_ASSIGN_OR_RETURN(options.beginning, beginning_from(*image, (flags & PV_DOMAIN_SAVE_PAUSED) != 0, (flags & PV_DOMAIN_SAVE_BYPASS_CACHE) != 0));
    co_return co_await driver_.started(op, guest, *description, std::move(options));
}

SaveOps::Task SaveOps::start_managed(sdk::OperationPtr op, GuestPtr guest, StartOptions options) {
    const std::string path = store_.managed_path(guest->name);
    auto image = open_saved(path);
    if (image) {
        PV_CO_ASSIGN_OR_RETURN(image->head.facts.xml, restore_hook(driver_, image->head.facts.xml));
    }
    const auto parsed = image ? driver_.parse(image->head.facts.xml) : Result<Domain>(image.error());
    if (!image && (image.error().code == ErrorCode::operation_failed || image.error().int1 == ENOENT)) {
        log::warning("save", "domain '{}' boots: its saved state is none: {}", guest->name, image.error().message);
        PV_CO_TRY(drop_managed(guest));
        co_return co_await boot_defined(op, guest, std::move(options));
    }
    if (!image) co_return image.error();
    if (!parsed) co_return parsed.error();
    options.force_boot = true;
    if (!image->head.facts.running) options.paused = true;
    PV_CO_ASSIGN_OR_RETURN(options.beginning, beginning_from(*image, options.paused, options.bypass_cache));
    PV_CO_TRY(co_await driver_.started(op, guest, *parsed, std::move(options)));
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    co_return drop_managed(guest);
}

SaveOps::Task SaveOps::boot_defined(sdk::OperationPtr op, GuestPtr guest, StartOptions options) {
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        config = guest->config;
    }
    if (!config) co_return no_domain(*guest);
    PV_CO_ASSIGN_OR_RETURN(Domain description, config->unpack());
    co_return co_await driver_.started(op, guest, std::move(description), std::move(options));
}

SaveOps::Task SaveOps::start_anew(sdk::OperationPtr op, GuestPtr guest, StartOptions options) {
    PV_CO_TRY(drop_managed(guest));
    co_return co_await boot_defined(op, guest, std::move(options));
}

void SaveOps::end_saved(const GuestPtr& guest, Run& run) {
    run.post_end(kSaved, [this, guest](const Status& ended) {
        if (!ended) return log::error("save", "domain '{}': it is saved and runs on: {}", guest->name, ended.error().message);
        if (const Status gone = store_.remove(guest->uuid); !gone) log::error("save", "domain '{}': {}", guest->name, gone.error().message);
    });
}

void SaveOps::adopted(const GuestPtr& guest) {
    const auto drop = [this, guest] {
        if (::access(store_.managed_path(guest->name).c_str(), F_OK) != 0) return;
        if (const Status gone = drop_managed(guest); !gone) log::error("save", "domain '{}': {}", guest->name, gone.error().message);
    };
    if (!plugin::submit(s_, guest->strand, drop)) drop();
}

} // namespace polyvirt::qemu
