// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"
#include "sdk/domain/notes.h"

#include <utility>

#include <polyvirt/job.h>
#include <polyvirt/process.h>

#include "base/error_text.h"
#include "cpu/offer.h"
#include "run.h"
#include "taint.h"
#include "validate.h"

namespace polyvirt::qemu {
namespace {

// What came of it shows in the kernel's files.
void load_module(const plugin::Services& s, const char* module) {
    constexpr std::int64_t kPatience = 30'000'000'000;
    const auto done = plugin::run_program(s, nullptr, plugin::Command({"/sbin/modprobe", module}), kPatience);
    if (!done) log::warning("hostdev", "{}", done.error().message);
    else if (done->wait_status != 0) log::warning("hostdev", "modprobe {}: {}", module, done->err);
}

} // namespace

Driver::Driver(const plugin::Services& services)
    : DriverBase(services),
      notices_(s_),
      statuses_(s_, PV_STATE_STATUS, ErrorDomain::qemu),
      moments_(s_),
      host_devices_(std::make_unique<Sysfs>(), [this](const char* module) { load_module(s_, module); }),
      emulators_(s_),
      guests_(s_, PV_KIND_DOMAIN, ErrorDomain::qemu, "domain"),
      definitions_(s_, loop_, guests_, notices_, ErrorDomain::qemu) {}

Driver::~Driver() {
    // A running guest and its run hold each other until it ends; here only the daemon does.
    for (const GuestPtr& guest : guests_.all()) {
        std::shared_ptr<Run> run; // let go without the lock
        const ObjectLock lock(guest->mu);
        run.swap(guest->run);
    }
}

void Driver::set_state(Guest& guest, std::int32_t state, std::int32_t reason) const {
    guest.state = state;
    guest.reason = reason;
    show(guest);
}

Status Driver::save_status_now(const GuestPtr& guest, pv_call* call) const {
    StatusRecord record;
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
        if (live) {
            record.id = guest->id;
            record.pid = guest->run->pid();
            record.start_time = guest->run->start_time();
            record.folder = guest->run->folder();
            record.state = guest->state;
            record.reason = guest->reason;
            record.pausing = guest->pausing;
            record.agent_timeout = guest->agent_timeout;
            record.taints = taint_names(guest->taints);
            record.blocks = to_json(guest->blocks);
            record.attaching = guest->attaching;
            if (guest->backup) record.backup = format_backup(guest->backup->document), record.backup_files = guest->backup->files;
            record.claims = guest->claims;
            record.links = guest->links;
            record.host_devices = guest->host_devices;
            record.servers = guest->servers;
            guest->run->describe(record);
        }
    }
    if (!live) return statuses_.remove(guest->name + ".json");
    record.name = guest->name;
    record.uuid = guest->uuid;
    record.xml = sdk::domain::with_notes(format_domain(*live, {.inactive = false, .secure = true}), live->notes);
    return statuses_.put(guest->name + ".json", format_status(record), call);
}

void Driver::save_status(const GuestPtr& guest, std::function<void(const Status&)> done) const {
    const auto save = [this, guest, done = std::move(done)] { done(save_status_now(guest, nullptr)); };
    // With the host's queue full it is written here and now: late is worse than slow.
    if (!plugin::submit(s_, guest->strand, save)) save();
}

void Driver::guest_stopped(const GuestPtr& guest) {
    // What was known of its snapshots has no domain any more.
    std::vector<std::string> snapshots, checkpoints;
    {
        const ObjectLock lock(guest->mu);
        guest->snapshots.each([&](const std::string& name, const auto&) { snapshots.push_back(name); });
        guest->checkpoints.each([&](const std::string& name, const auto&) { checkpoints.push_back(name); });
    }
    guests_.remove(*guest);
    if (snapshots.empty() && checkpoints.empty()) return;
    const auto forget = [this, uuid = guest->uuid, snapshots, checkpoints] {
        if (const Status gone = moments_.forget(uuid, snapshots, checkpoints); !gone) log::error("run", "{}", gone.error().message);
    };
    if (!plugin::submit(s_, guest->strand, forget)) forget();
}

Error Guest::gone() const {
    return make_error(ErrorCode::no_domain, ErrorDomain::qemu, "no domain with matching uuid '{}' ({})", uuid.to_string(), name);
}

pv_status Driver::with_job(pv_call* call, const pv_obj* obj, const char* what,
                           std::function<void(const sdk::OperationPtr&, const GuestPtr&)> body) {
    const GuestPtr guest = guest_of(obj);
    return sdk::with_job(s_, loop_, {.call = call, .object = obj->handle, .what = what}, guest,
                         [guest, body = std::move(body)](const sdk::OperationPtr& op) { body(op, guest); });
}

Result<std::shared_ptr<Run>> Driver::run_of(Guest& guest) const {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.run) return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    return guest.run;
}

sdk::domain::HostContext Driver::host_context() {
    sdk::domain::HostContext context;
    const auto machines = [this](std::string_view arch) -> EmulatorPtr {
        const std::string path = Emulators::path_of(arch);
        if (path.empty()) return nullptr;
        auto emulator = emulators_.get(path);
        return emulator ? *emulator : nullptr;
    };
    context.emulator = [](std::string_view arch) { return Emulators::path_of(arch); };
    context.canonical_machine = [machines](std::string_view arch, std::string_view name) -> std::string {
        const EmulatorPtr e = machines(arch);
        const Machine* m = e ? e->machine(name) : nullptr;
        return m != nullptr ? m->name : std::string();
    };
    context.default_cpu = [machines](std::string_view arch, std::string_view name) -> std::string {
        const EmulatorPtr e = machines(arch);
        const Machine* m = e ? e->machine(name) : nullptr;
        return m != nullptr ? m->default_cpu : std::string();
    };
    if (const EmulatorPtr e = machines(context.arch); e && e->default_machine() != nullptr)
        context.default_machine = e->default_machine()->name;
    context.nvram_folder = nvram_folder();
    return context;
}

std::string Driver::nvram_folder() const { return fmt::format("{}/nvram", s_.paths->dir(s_.host, PV_PATH_STATE)); }

Result<Domain> Driver::parse(std::string_view xml, bool validate) {
    PV_ASSIGN_OR_RETURN(sdk::domain::Parsed parsed, sdk::domain::parse_domain(xml, {.inactive = true, .limits = {}, .validate = validate}));
    Domain& d = parsed.domain;
    if (d.type != "qemu" && d.type != "kvm")
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "unexpected domain type {}, expecting one of these: qemu, kvm", d.type);
    if (d.name.find('/') != std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::domain, "name {} cannot contain '/'", d.name);
    PV_TRY(settle(d));
    for (const auto& m : parsed.messages.list) log::info("xml", "domain '{}': {}", d.name, m.text);
    return std::move(d);
}

Status Driver::settle(Domain& domain) {
    PV_TRY(complete(domain));
    return qemu::validate(domain, settings().protections.spice.tls);
}

Status Driver::complete(Domain& domain) { return sdk::domain::complete(domain, host_context()); }

Status Driver::fill_defaults(Domain& domain) { return apply_defaults(domain, host_context()); }

Result<Domain> Driver::edited_config(const GuestPtr& guest, const Edit& edit) {
    PV_ASSIGN_OR_RETURN(Domain domain, definitions_.copy(guest));
    PV_TRY(edit(domain));
    PV_TRY(settle(domain));
    return domain;
}

Status Driver::edit_config(const GuestPtr& guest, pv_call* call, const Edit& edit) {
    PV_ASSIGN_OR_RETURN(const Domain domain, edited_config(guest, edit));
    return put_config(guest, domain, call);
}

void Driver::edit_live(Guest& guest, const std::function<void(Domain&)>& edit) const {
    if (!guest.live) return;
    auto live = std::make_shared<Domain>(*guest.live);
    edit(*live);
    guest.live = std::move(live);
}

sdk::Async<Status> Driver::saved(const GuestPtr& guest) const {
    return sdk::Async<Status>([this, guest](const sdk::Answer<Status>& answer) { save_status(guest, answer); });
}

Status Driver::settle_cpu(Domain& domain) {
    if (!domain.cpu) return {};
    PV_ASSIGN_OR_RETURN(const EmulatorPtr emulator, emulators_.get(domain.devices.emulator));
    return realize_cpu(domain, *emulator);
}

void Driver::begin_destroy(const GuestPtr& guest, bool graceful, const std::function<void(const Status&)>& done) {
    const auto run = run_of(*guest);
    if (!run) return done(run.error());
    (*run)->post_destroy(graceful, done);
}

void Driver::client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object) {
    auto* data = static_cast<GuestPtr*>(s_.registry->pin(s_.host, object));
    if (data == nullptr) return;
    const GuestPtr guest = *data;
    s_.registry->unpin(s_.host, object);
    bool ours = false;
    {
        const ObjectLock lock(guest->mu);
        if (kind == kFdGroups) std::erase_if(guest->fd_groups, [client](const auto& group) { return group.second.client == client; });
        ours = kind == kAutodestroy && guest->active() && guest->autodestroy == client;
    }
    if (ours) begin_destroy(guest, false, [](const Status&) {});
}

} // namespace polyvirt::qemu
