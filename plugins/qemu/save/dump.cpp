// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Dumps of a guest's memory: for debuggers (the emulator's own formats), or all of its state as a stream.

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"
#include "save/migrate.h"
#include "save/params.h"
#include "save/save_ops.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kFormats[] = {"elf", "kdump-zlib", "kdump-lzo", "kdump-snappy", "win-dmp"};
constexpr Ending kCrashed{.reason = PV_DOMAIN_SHUTOFF_CRASHED, .detail = PV_DOMAIN_EVENT_STOPPED_CRASHED, .name = "crashed"};

Result<std::shared_ptr<UniqueFd>> create_file(const std::string& path) {
    auto file = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600));
    if (!*file) return make_system_error(errno, ErrorDomain::qemu, "Failed to create file '" + path + "'");
    return file;
}

bool any(const Json&) { return true; }

sdk::Task<Status> dump_memory(std::shared_ptr<Run> run, std::shared_ptr<UniqueFd> fd, std::uint32_t format, JobTicketPtr ticket) {
    Json named = {{"fdname", "polyvirt-dump"}};
    std::vector<UniqueFd> fds;
    fds.push_back(std::move(*fd));
    PV_CO_TRY(co_await run->qmp("getfd", std::move(named), std::move(fds)));
    PV_CO_ASSIGN_OR_RETURN(const Run::ExpectedPtr over, co_await run->expect("DUMP_COMPLETED", any));
    Json arguments = {{"paging", false}, {"protocol", "fd:polyvirt-dump"}, {"detach", true}};
    if (format != PV_DOMAIN_CORE_DUMP_FORMAT_RAW) arguments["format"] = kFormats[format];
    PV_CO_TRY(co_await run->qmp("dump-guest-memory", std::move(arguments)));
    for (;;) {
        const auto event = co_await run->wait(over, kLook);
        if (!event && event.error().code != ErrorCode::operation_timeout) co_return event.error();
        PV_CO_ASSIGN_OR_RETURN(const Json info, co_await run->qmp("query-dump"));
        JobFigures f;
        f.memory_total = number_at(info, "total");
        f.memory_processed = number_at(info, "completed");
        f.memory_remaining = f.memory_total - std::min(f.memory_total, f.memory_processed);
        ticket->update(f);
        if (!event) continue;
        if (text_of(info, "status") == "completed") co_return Status{};
        const std::string why = text_of(*event, "error");
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "memory-only dump failed: {}", why.empty() ? "unknown error" : why);
    }
}

} // namespace

pv_status SaveOps::core_dump(pv_call* call, const pv_obj* obj, const pv_dom_core_dump_in& in, pv_dom_core_dump_out&) {
    constexpr std::uint32_t kKnown = PV_DUMP_CRASH | PV_DUMP_LIVE | PV_DUMP_BYPASS_CACHE | PV_DUMP_RESET | PV_DUMP_MEMORY_ONLY;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainCoreDumpWithFormat"); !flags) return answer(call, flags);
    if (in.format >= std::size(kFormats))
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "invalid dumpformat '{}'", in.format));
    if (in.format != PV_DOMAIN_CORE_DUMP_FORMAT_RAW && (in.flags & PV_DUMP_MEMORY_ONLY) == 0)
        return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "{} format is only supported with memory-only dump", kFormats[in.format]));
    const DumpRequest request{.path = in.to, .format = in.format, .flags = in.flags};
    return with_job(call, obj, PV_JOB_ASYNC, "dump", [this, request](const sdk::OperationPtr&, const GuestPtr& guest) { return dump_guest(guest, request); });
}

SaveOps::Task SaveOps::dump_guest(GuestPtr guest, DumpRequest request) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    const bool memory_only = (request.flags & PV_DUMP_MEMORY_ONLY) != 0;
    if (!memory_only) PV_CO_TRY(co_await check_migratable(run));
    std::function<void()> abort;
    if (!memory_only) abort = [run] { cancel_migration(run); };
    const JobTicketPtr ticket = std::make_shared<JobTicket>(driver_, guest, PV_DOMAIN_JOB_OPERATION_DUMP, std::move(abort));
    bool was_running = false;
    {
        const ObjectLock lock(guest->mu);
        was_running = guest->state == PV_DOMAIN_RUNNING;
    }
    const bool pauses = was_running && (request.flags & PV_DUMP_LIVE) == 0;
    Status dumped;
    if (pauses) dumped = co_await run->pause(PV_DOMAIN_PAUSED_DUMP);
    if (dumped) dumped = co_await write_dump(run, request, ticket);
    // A stream stops the guest in the end, live or not.
    const Status after = co_await after_dump(run, request.flags, was_running, dumped.has_value());
    if (dumped) dumped = after;
    ticket->end(dumped);
    co_return dumped;
}

SaveOps::Task SaveOps::write_dump(RunPtr run, DumpRequest request, JobTicketPtr ticket) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    const std::string temporary = temporary_for(request.path, run->guest()->uuid);
    PV_CO_ASSIGN_OR_RETURN(const std::shared_ptr<UniqueFd> file, create_file(temporary));
    PV_CO_ASSIGN_OR_RETURN(const Compression compression, compression_of(setting(s_, "dump_image_format")));
    const bool memory_only = (request.flags & PV_DUMP_MEMORY_ONLY) != 0; // these have a compression of their own
    auto programs = programs_into(file->get(), memory_only ? Compression::none : compression, (request.flags & PV_DUMP_BYPASS_CACHE) != 0);
    Write write = [run, ticket, memory_only, format = request.format](std::shared_ptr<UniqueFd> fd) {
        return memory_only ? dump_memory(run, std::move(fd), format, ticket) : migrate_to(run, std::move(fd), ticket, "dump");
    };
    Status written = programs ? Status{} : Status(programs.error());
    if (written) written = co_await write_through(run, file, *std::move(programs), std::move(write));
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    if (written && ::fsync(file->get()) != 0 && errno != EINVAL)
        written = make_system_error(errno, ErrorDomain::qemu, "failed to write to '" + request.path + "'");
    if (written) written = publish_image({.temporary = temporary, .final = request.path, .whole = true, .managed = false});
    if (!written && temporary != request.path) ::unlink(temporary.c_str());
    co_return written;
}

SaveOps::Task SaveOps::after_dump(RunPtr run, std::uint32_t flags, bool was_running, bool dumped) {
    if (dumped && (flags & PV_DUMP_CRASH) != 0) co_return co_await run->ended(kCrashed);
    if (dumped && (flags & PV_DUMP_RESET) != 0) PV_CO_TRY(co_await run->qmp("system_reset"));
    if (!was_running) co_return Status{};
    co_return co_await run->go_on(PV_DOMAIN_RUNNING_UNPAUSED);
}

} // namespace polyvirt::qemu
