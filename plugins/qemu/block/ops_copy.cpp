// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Disks copied while they are in use.

#include <bit>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "block/bandwidth.h"
#include "block/block_ops.h"
#include "block/disks.h"
#include "block/jobs.h"
#include "block/on_disk.h"
#include "driver.h"
#include "sdk/xml/messages.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

// <disk type='...'><source .../><driver type='...'/></disk>, without what else a disk needs.
struct Destination {
    DiskType type{};
    DiskDriver driver;
    std::optional<DiskSource> source;
};
[[maybe_unused]] void describe(sdk::xml::Binder& b, Destination& v) {
    b.attr("type", v.type);
    b.child("driver", v.driver);
    b.child("source", v.source);
}

Result<Link> parse_destination(std::string_view text) {
    const auto node = sdk::xml::read(text, "destination");
    if (!node) return node.error();
    if (node->name != "disk")
        return make_error(ErrorCode::xml_error, ErrorDomain::xml, "expecting root element of 'disk', not '{}'", node->name);
    sdk::xml::Messages messages;
    PV_ASSIGN_OR_RETURN(Destination to, sdk::xml::parse<Destination>(*node, messages));
    Link link;
    link.type = to.type == DiskType::unset ? DiskType::file : to.type;
    if (!to.source) return make_error(ErrorCode::xml_error, ErrorDomain::domain, "missing source for the destination of a copy");
    link.source = *std::move(to.source);
    link.source.index.reset();
    link.format = to.driver.type;
    link.metadata_cache = to.driver.metadata_cache;
    return link;
}

// Whether what is copied to is there as it should be. Worker.
Status check_destination(const Link& to, const std::string& disk, bool reuse) {
    const std::string& path = to.path();
    if (path.empty()) {
        if (reuse) return {};
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "a copy to what is neither file nor block device needs an image there");
    }
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) {
        if (errno == ENOENT && !reuse && to.type == DiskType::file) return {};
        return make_system_error(errno, ErrorDomain::qemu, fmt::format("missing destination file for disk {}: {}", disk, path));
    }
    if (to.type == DiskType::block && !S_ISBLK(st.st_mode))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "blockdev flag requested for disk {}, but file '{}' is not a block device", disk, path);
    if (S_ISREG(st.st_mode) && st.st_size > 0 && !reuse)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu,
                          "external destination file for disk {} already exists and is not a block device: {}", disk, path);
    return {};
}

} // namespace

BlockOps::Task BlockOps::copy(sdk::OperationPtr op, GuestPtr guest, CopyWish wish) {
    const auto on = on_free_disk(*guest, wish.disk);
    PV_CO_TRY(on);
    const Chain& chain = on->chain;
    const std::string target = on->disk.target.dev;
    const bool reuse = (wish.flags & PV_DOMAIN_BLOCK_COPY_REUSE_EXT) != 0, shallow = (wish.flags & PV_DOMAIN_BLOCK_COPY_SHALLOW) != 0;
    if (on->persistent && (wish.flags & PV_DOMAIN_BLOCK_COPY_TRANSIENT_JOB) == 0)
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not transient");
    if (chain.links.empty())
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "disk '{}' has no source that could be copied", target);
    const Link& top = chain.links.front();
    Link& to = wish.to;
    if (to.format.empty() && reuse && !to.path().empty()) {
        // Whoever made it for this says in it what it is.
        const auto there = read_image(to.path(), "");
        if (there) to.format = there->header.format;
    }
    if (to.format.empty()) to.format = top.format;
    if (shallow && to.format == "raw" && chain.backed(0))
        co_return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "shallow copy of disk '{}' into a raw file is not possible", target);
    PV_CO_TRY(check_destination(to, target, reuse));
    const auto sample = co_await block_sample(on->run);
    PV_CO_TRY(sample);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    const auto figures = (*sample)->images.find(top.number());
    if (figures == (*sample)->images.end() || !figures->second.capacity)
        co_return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "failed to update capacity data for block node '{}'", format_node(top.number()));
    const Link* const below = shallow && chain.backed(0) ? &chain.links[1] : nullptr;
    const bool creates = !reuse && to.type == DiskType::file && ::access(to.path().c_str(), F_OK) != 0;
    BlockJob job;
    job.id = job_id("copy", on->disk, top);
    job.type = PV_DOMAIN_BLOCK_JOB_TYPE_COPY;
    job.disk = target;
    job.shallow = shallow && chain.backed(0);
    job.removes = creates; // should it not begin
    {
        const ObjectLock lock(guest->mu);
        if (guest->run != on->run) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
        job.top = guest->blocks.take_number();
        to.source.index = job.top;
        Chain mirror;
        mirror.links.push_back(to);
        mirror.ended = below == nullptr;
        driver_.edit_live(*guest, [&](Domain& live) {
            if (Disk* const disk = find_disk(live, target)) disk->mirror = mirror_of(mirror, "copy");
        });
        // From here on somebody knows of its file and its nodes, whatever happens.
        guest->blocks.jobs.insert_or_assign(job.id, job);
    }
    Status begun = co_await driver_.saved(guest);
    if (begun && !reuse) begun = create_image(s_, op->call(), to, below, *figures->second.capacity);
    if (begun) begun = open_images(*on->run, {&to}, op->call());
    const NodePlace place{.top = true, .below = below != nullptr ? format_node(below->number()) : std::string(), .ended = true, .reservations = {}};
    if (begun) begun = co_await add_image(on->run, on->disk, to, place);
    if (!begun) {
        (void)co_await drop_job(on->run, job.id);
        co_return begun;
    }
    Json arguments = {{"device", format_node(top.number())}, {"target", format_node(job.top)}, {"sync", job.shallow ? "top" : "full"}};
    if (wish.speed != 0) arguments["speed"] = wish.speed;
    if (wish.granularity != 0) arguments["granularity"] = wish.granularity;
    if (wish.buffer != 0) arguments["buf-size"] = wish.buffer;
    if ((wish.flags & PV_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES) != 0) arguments["copy-mode"] = "write-blocking";
    co_return co_await begin_job(on->run, std::move(job), "blockdev-mirror", std::move(arguments));
}

pv_status BlockOps::begin_copy(pv_call* call, const pv_obj* obj, const CopyWish& wish) {
    return change(call, obj, "block copy", [this, wish](const sdk::OperationPtr& op, const GuestPtr& guest) { return copy(op, guest, wish); });
}

pv_status BlockOps::block_copy(pv_call* call, const pv_obj* obj, const pv_dom_block_copy_in& in, pv_dom_block_copy_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_BLOCK_COPY_SHALLOW | PV_DOMAIN_BLOCK_COPY_REUSE_EXT | PV_DOMAIN_BLOCK_COPY_TRANSIENT_JOB |
                                     PV_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainBlockCopy"); !flags) return answer(call, flags);
    CopyWish wish;
    wish.disk = in.path;
    wish.flags = in.flags;
    for (std::uint32_t i = 0; i < in.nparams; ++i) {
        const pv_param& p = in.params[i];
        const std::string_view field = p.field;
        if (field == PV_DOMAIN_BLOCK_COPY_BANDWIDTH && p.type == PV_PARAM_ULLONG) wish.speed = p.v.ul;
        else if (field == PV_DOMAIN_BLOCK_COPY_BUF_SIZE && p.type == PV_PARAM_ULLONG) wish.buffer = p.v.ul;
        else if (field == PV_DOMAIN_BLOCK_COPY_GRANULARITY && p.type == PV_PARAM_UINT) wish.granularity = p.v.ui;
        else return answer(call, sdk::unknown_param(p.field));
    }
    if (wish.granularity != 0 && !std::has_single_bit(wish.granularity))
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "granularity must be power of 2"));
    for (const auto& [value, name] : {std::pair(wish.speed, "bandwidth"), std::pair(wish.buffer, "buf-size")})
        if (value > std::uint64_t{INT64_MAX})
            return answer(call, make_error(ErrorCode::overflow, ErrorDomain::qemu, "{} must be less than {}", name, INT64_MAX));
    auto to = parse_destination(in.dest_xml);
    if (!to) return answer(call, to.error());
    wish.to = *std::move(to);
    return begin_copy(call, obj, wish);
}

pv_status BlockOps::block_rebase(pv_call* call, const pv_obj* obj, const pv_dom_block_rebase_in& in, pv_dom_block_rebase_out&) {
    constexpr std::uint32_t kOfCopy = PV_DOMAIN_BLOCK_REBASE_SHALLOW | PV_DOMAIN_BLOCK_REBASE_REUSE_EXT | PV_DOMAIN_BLOCK_REBASE_COPY_RAW |
                                      PV_DOMAIN_BLOCK_REBASE_COPY_DEV;
    constexpr std::uint32_t kKnown = kOfCopy | PV_DOMAIN_BLOCK_REBASE_COPY | PV_DOMAIN_BLOCK_REBASE_RELATIVE | PV_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainBlockRebase"); !flags) return answer(call, flags);
    const auto speed = bytes_per_second(in.bandwidth, (in.flags & PV_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES) != 0);
    if (!speed) return answer(call, speed.error());
    const bool named = in.base != nullptr && *in.base != '\0';
    if ((in.flags & PV_DOMAIN_BLOCK_REBASE_COPY) == 0) {
        if ((in.flags & kOfCopy) != 0)
            return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "flags 0x{:x} are for copies alone", in.flags & kOfCopy));
        return begin_pull(call, obj,
                          {.disk = in.path,
                           .base = named ? std::optional<std::string>(in.base) : std::nullopt,
                           .speed = *speed,
                           .relative = (in.flags & PV_DOMAIN_BLOCK_REBASE_RELATIVE) != 0});
    }
    if (!named || (in.flags & PV_DOMAIN_BLOCK_REBASE_RELATIVE) != 0)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "a copy needs the file that is copied to, and keeps no relative names"));
    CopyWish wish;
    wish.disk = in.path;
    wish.speed = *speed;
    wish.to.type = (in.flags & PV_DOMAIN_BLOCK_REBASE_COPY_DEV) != 0 ? DiskType::block : DiskType::file;
    (wish.to.type == DiskType::block ? wish.to.source.dev : wish.to.source.file) = in.base;
    if ((in.flags & PV_DOMAIN_BLOCK_REBASE_COPY_RAW) != 0) wish.to.format = "raw";
    if ((in.flags & PV_DOMAIN_BLOCK_REBASE_SHALLOW) != 0) wish.flags |= PV_DOMAIN_BLOCK_COPY_SHALLOW;
    if ((in.flags & PV_DOMAIN_BLOCK_REBASE_REUSE_EXT) != 0) wish.flags |= PV_DOMAIN_BLOCK_COPY_REUSE_EXT;
    return begin_copy(call, obj, wish);
}

} // namespace polyvirt::qemu
