// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What disks have done and how large they are. Answered from the shared sample; without a job, and without the
// emulator where files say it.

#include <cerrno>

#include <unistd.h>

#include "base/error_text.h"
#include "block/block_ops.h"
#include "block/disks.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

using LivePtr = std::shared_ptr<const Domain>;

// Both of one moment.
struct Running {
    RunPtr run;
    LivePtr live;
};
Result<Running> running(Guest& guest) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.run) return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
    return Running{guest.run, guest.live};
}

LivePtr live_of(const Run& run) {
    const ObjectLock lock(run.guest()->mu);
    return run.guest()->live;
}

// What runs, or else what would be started.
Result<LivePtr> any_description(Guest& guest) {
    sdk::domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest.mu);
        if (guest.live) return guest.live;
        config = guest.config;
    }
    if (!config) return no_domain(guest);
    PV_ASSIGN_OR_RETURN(Domain domain, config->unpack());
    return LivePtr(std::make_shared<const Domain>(std::move(domain)));
}

} // namespace

pv_status BlockOps::ask(pv_call* call, Task task) const {
    sdk::start(std::move(task), [this, call](const Status& outcome) { s_.call->complete(call, answer(call, outcome)); });
    return PV_PENDING;
}

BlockOps::Task BlockOps::tell_figures(RunPtr run, std::string path, PutFigures put) {
    const auto sample = co_await block_sample(run);
    PV_CO_TRY(sample);
    const LivePtr live = live_of(*run);
    if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
    DeviceFigures all;
    const auto add = [&](const Disk& disk) {
        const auto it = (*sample)->devices.find(disk.info.alias.name);
        if (it == (*sample)->devices.end()) return;
        for (const auto field : {&DeviceFigures::rd_reqs, &DeviceFigures::rd_bytes, &DeviceFigures::rd_times, &DeviceFigures::wr_reqs,
                                 &DeviceFigures::wr_bytes, &DeviceFigures::wr_times, &DeviceFigures::fl_reqs, &DeviceFigures::fl_times})
            all.*field += it->second.*field;
    };
    if (path.empty()) {
        for (const Disk& disk : live->devices.disks) add(disk);
    } else {
        const Disk* const disk = find_disk(*live, path);
        if (disk == nullptr) co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "invalid path: {}", path);
        add(*disk);
    }
    put(all);
    co_return Status{};
}

pv_status BlockOps::block_stats(pv_call* call, const pv_obj* obj, const pv_dom_block_stats_in& in, pv_dom_block_stats_out& out) {
    const auto now = running(*guest_of(obj));
    if (!now) return answer(call, now.error());
    return ask(call, tell_figures(now->run, in.path, [to = &out](const DeviceFigures& d) {
                   to->rd_req = static_cast<std::int64_t>(d.rd_reqs);
                   to->rd_bytes = static_cast<std::int64_t>(d.rd_bytes);
                   to->wr_req = static_cast<std::int64_t>(d.wr_reqs);
                   to->wr_bytes = static_cast<std::int64_t>(d.wr_bytes);
                   to->errs = -1; // the emulator counts them for no device
               }));
}

pv_status BlockOps::block_stats_params(pv_call* call, const pv_obj* obj, const pv_dom_block_stats_params_in& in,
                                       pv_dom_block_stats_params_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainBlockStatsFlags"); !flags) return answer(call, flags);
    const auto now = running(*guest_of(obj));
    if (!now) return answer(call, now.error());
    return ask(call, tell_figures(now->run, in.path, [this, params = out.params](const DeviceFigures& d) {
                   constexpr std::pair<const char*, std::uint64_t DeviceFigures::*> kRows[] = {
                       {PV_DOMAIN_BLOCK_STATS_WRITE_BYTES, &DeviceFigures::wr_bytes},
                       {PV_DOMAIN_BLOCK_STATS_WRITE_REQ, &DeviceFigures::wr_reqs},
                       {PV_DOMAIN_BLOCK_STATS_READ_BYTES, &DeviceFigures::rd_bytes},
                       {PV_DOMAIN_BLOCK_STATS_READ_REQ, &DeviceFigures::rd_reqs},
                       {PV_DOMAIN_BLOCK_STATS_FLUSH_REQ, &DeviceFigures::fl_reqs},
                       {PV_DOMAIN_BLOCK_STATS_WRITE_TOTAL_TIMES, &DeviceFigures::wr_times},
                       {PV_DOMAIN_BLOCK_STATS_READ_TOTAL_TIMES, &DeviceFigures::rd_times},
                       {PV_DOMAIN_BLOCK_STATS_FLUSH_TOTAL_TIMES, &DeviceFigures::fl_times}};
                   const sdk::ParamWriter w(s_, params);
                   for (const auto& [field, from] : kRows) w.put(field, static_cast<std::int64_t>(d.*from));
               }));
}

namespace {

Result<const Disk*> disk_with_source(const Domain& domain, const std::string& path) {
    const Disk* const disk = find_disk(domain, path);
    if (disk == nullptr)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "invalid path {} not assigned to domain", path);
    if (chain_of(*disk).links.empty())
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "disk '{}' does not currently have a source assigned", path);
    return disk;
}

Status info_of_file(const Link& link, pv_dom_block_info_out& out) {
    if (link.path().empty())
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "the size of a source that is no file is known only while its guest runs");
    PV_ASSIGN_OR_RETURN(const ImageFile file, read_image(link.path(), link.format));
    out.capacity = file.header.capacity != 0 ? file.header.capacity : file.size;
    out.allocation = file.allocated;
    out.physical = file.size;
    return {};
}

} // namespace

BlockOps::Task BlockOps::tell_info(RunPtr run, std::uint64_t strand, std::string path, pv_dom_block_info_out* out) {
    const auto sample = co_await block_sample(run);
    PV_CO_TRY(sample);
    const LivePtr live = live_of(*run);
    if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
    const auto disk = disk_with_source(*live, path);
    PV_CO_TRY(disk);
    const Chain chain = chain_of(**disk);
    const Link& top = chain.links.front();
    ImageFigures image;
    if (const auto it = (*sample)->images.find(top.number()); it != (*sample)->images.end()) image = it->second;
    // The file system knows the length of a file, the emulator only what is allocated.
    PV_CO_TRY(co_await sdk::on_worker(s_, strand));
    const auto file = top.path().empty() ? Result<ImageFile>(Error{}) : read_image(top.path(), "raw");
    const std::uint64_t allocated = image.allocated.value_or(file ? file->allocated : 0);
    out->capacity = image.capacity.value_or(file ? file->size : 0);
    // How far it was written is what matters of a device that an image is to outgrow; of files it is told where the
    // file system can't say more.
    const std::uint64_t highest = image.highest.value_or(0), size = file ? file->size : allocated;
    const bool by_file = top.type == DiskType::file && (top.format != "raw" || highest == 0);
    out->allocation = by_file || highest == 0 ? allocated : highest;
    out->physical = by_file || allocated == 0 ? size : allocated;
    co_return Status{};
}

pv_status BlockOps::block_info(pv_call* call, const pv_obj* obj, const pv_dom_block_info_in& in, pv_dom_block_info_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetBlockInfo"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    const auto description = any_description(*guest);
    if (!description) return answer(call, description.error());
    const auto disk = disk_with_source(**description, in.path);
    if (!disk) return answer(call, disk.error());
    if (const auto now = running(*guest)) return ask(call, tell_info(now->run, 0, in.path, &out));
    return answer(call, info_of_file(chain_of(**disk).links.front(), out));
}

pv_status BlockOps::block_peek(pv_call* call, const pv_obj* obj, const pv_dom_block_peek_in& in, pv_dom_block_peek_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainBlockPeek"); !flags) return answer(call, flags);
    const auto description = any_description(*guest_of(obj));
    if (!description) return answer(call, description.error());
    const auto disk = need_disk(**description, in.path);
    if (!disk) return answer(call, disk.error());
    const Chain chain = chain_of(**disk);
    const std::string format = chain.links.empty() ? "none" : chain.links.front().format;
    if (format != "raw")
        return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu,
                                       "peeking is only supported for disk with 'raw' format not '{}'", format));
    const std::string& path = chain.links.front().path();
    if (path.empty())
        return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "peeking is only supported for files and block devices"));
    const auto fd = open_image(path);
    if (!fd) return answer(call, fd.error());
    if (in.offset > std::uint64_t{INT64_MAX} - in.length)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "offset {} is too large", in.offset));
    std::string bytes(in.length, '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t n = ::pread(fd->get(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(in.offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return answer(call, make_system_error(errno, ErrorDomain::qemu, fmt::format("{}: failed to seek or read", path)));
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    if (got < bytes.size())
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "'{}' starting from {} has only {} bytes available", in.path,
                                       in.offset, got));
    return give(call, out.data, bytes);
}

// --- errors that the guest was shown, or is stopped for ---

BlockOps::Task BlockOps::tell_errors(RunPtr run, pv_records* errors) {
    const auto blocks = co_await run->qmp("query-block", Json(), kFirstPatience);
    PV_CO_TRY(blocks);
    const LivePtr live = live_of(*run);
    if (!live || !blocks->is_array()) co_return Status{};
    for (const Disk& disk : live->devices.disks) {
        for (const Json& entry : *blocks) {
            const std::string device = text_of(entry, "qdev");
            if (device != device_path(disk) && !device.ends_with("/" + disk.info.alias.name)) continue;
            const std::string status = text_of(entry, "io-status");
            if (status.empty() || status == "ok") continue;
            pv_dom_disk_error record{};
            record.size = sizeof record;
            record.disk = disk.target.dev.c_str();
            record.error = status == "nospace" ? PV_DOMAIN_DISK_ERROR_NO_SPACE : PV_DOMAIN_DISK_ERROR_UNSPEC;
            s_.build->add_record(errors, &record);
        }
    }
    co_return Status{};
}

pv_status BlockOps::disk_errors(pv_call* call, const pv_obj* obj, const pv_dom_disk_errors_in& in, pv_dom_disk_errors_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainGetDiskErrors"); !flags) return answer(call, flags);
    const auto now = running(*guest_of(obj));
    if (!now) return answer(call, now.error());
    return ask(call, tell_errors(now->run, out.errors));
}

} // namespace polyvirt::qemu
