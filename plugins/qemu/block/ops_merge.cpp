// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Chains made shorter: by filling an image from those below it, and by merging images down.

#include "base/error_text.h"
#include "block/bandwidth.h"
#include "block/block_ops.h"
#include "block/disks.h"
#include "block/jobs.h"
#include "block/on_disk.h"
#include "driver.h"
#include "run.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

Result<OnDisk> on_free_disk(Guest& guest, const std::string& name) {
    const ObjectLock lock(guest.mu);
    if (guest.removed) return no_domain(guest);
    if (!guest.run) return make_error(ErrorCode::operation_invalid, ErrorDomain::domain, "domain is not running");
    PV_ASSIGN_OR_RETURN(const Disk* const disk, need_disk(*guest.live, name));
    PV_TRY(check_free(guest, *disk));
    return OnDisk{guest.run, *disk, chain_of(*disk), guest.config != nullptr};
}

Status open_images(Run& run, const std::vector<const Link*>& images, pv_call* call) {
    std::vector<Need> needs;
    for (const Link* const image : images)
        if (!image->path().empty()) needs.push_back({.path = image->path(), .write = true});
    return needs.empty() ? Status{} : run.open_up(std::move(needs), call);
}

namespace {

std::optional<std::string> text(const char* given) {
    return given != nullptr && *given != '\0' ? std::optional<std::string>(given) : std::nullopt;
}

void put_speed(Json& arguments, std::uint64_t speed) {
    if (speed != 0) arguments["speed"] = speed;
}

} // namespace

BlockOps::Task BlockOps::pull(GuestPtr guest, PullWish wish) {
    const auto on = on_free_disk(*guest, wish.disk);
    PV_CO_TRY(on);
    const Chain& chain = on->chain;
    if (chain.links.empty())
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "disk '{}' has no source that could be filled", on->disk.target.dev);
    const Link& top = chain.links.front();
    Json arguments = {{"device", format_node(top.number())}};
    put_speed(arguments, wish.speed);
    BlockJob job;
    job.id = job_id("pull", on->disk, top);
    job.type = PV_DOMAIN_BLOCK_JOB_TYPE_PULL;
    job.disk = on->disk.target.dev;
    job.top = top.number();
    if (wish.base) {
        const auto base = find_image(chain, job.disk, *wish.base, 1);
        PV_CO_TRY(base);
        job.base = chain.links[*base].number();
        arguments["base-node"] = format_node(job.base);
        if (wish.relative) {
            const auto name = relative_name(chain, 0, *base);
            PV_CO_TRY(name);
            arguments["backing-file"] = *name;
        }
    }
    co_return co_await begin_job(on->run, std::move(job), "block-stream", std::move(arguments));
}

pv_status BlockOps::begin_pull(pv_call* call, const pv_obj* obj, const PullWish& wish) {
    if (wish.relative && !wish.base)
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu,
                                       "flag VIR_DOMAIN_BLOCK_REBASE_RELATIVE is valid only with non-null base"));
    return change(call, obj, "block pull", [this, wish](const sdk::OperationPtr&, const GuestPtr& guest) { return pull(guest, wish); });
}

pv_status BlockOps::block_pull(pv_call* call, const pv_obj* obj, const pv_dom_block_pull_in& in, pv_dom_block_pull_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES, "qemuDomainBlockPull"); !flags) return answer(call, flags);
    const auto speed = bytes_per_second(in.bandwidth, (in.flags & PV_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES) != 0);
    if (!speed) return answer(call, speed.error());
    return begin_pull(call, obj, {.disk = in.path, .base = {}, .speed = *speed, .relative = false});
}

namespace {

// The two ends of a commit, as places in the chain.
struct Span {
    std::size_t top = 0, base = 0;
};
Result<Span> span_of(const Chain& chain, const Disk& disk, const std::optional<std::string>& top, const std::optional<std::string>& base,
                     std::uint32_t flags) {
    const std::string& target = disk.target.dev;
    Span span;
    const auto invalid = [](std::string words) { return make_error_text(ErrorCode::invalid_arg, ErrorDomain::qemu, std::move(words)); };
    if (chain.links.empty())
        return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "could not find base image in chain for '{}'", target);
    if (top && *top != target) {
        PV_ASSIGN_OR_RETURN(span.top, find_image(chain, target, *top, 0));
    }
    const bool active = (flags & PV_DOMAIN_BLOCK_COMMIT_ACTIVE) != 0;
    if (span.top == 0 && !active) return invalid(fmt::format("commit of '{}' active layer requires active flag", target));
    if (span.top != 0 && active) return invalid(fmt::format("active commit requested but '{}' is not active", chain.links[span.top].path()));
    if (!chain.backed(span.top))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "could not find base image in chain for '{}'", target);
    const bool shallow = (flags & PV_DOMAIN_BLOCK_COMMIT_SHALLOW) != 0;
    span.base = shallow ? span.top + 1 : chain.links.size() - 1;
    if (base) {
        PV_ASSIGN_OR_RETURN(span.base, find_image(chain, target, *base, span.top + 1));
    }
    if (shallow && span.base != span.top + 1)
        return invalid(fmt::format("base '{}' is not immediately below '{}' in chain for '{}'", *base, chain.links[span.top].path(),
                                   chain.links[0].path()));
    return span;
}

} // namespace

BlockOps::Task BlockOps::commit(sdk::OperationPtr op, GuestPtr guest, CommitWish wish) {
    const auto on = on_free_disk(*guest, wish.disk);
    PV_CO_TRY(on);
    const Chain& chain = on->chain;
    const auto span = span_of(chain, on->disk, wish.top, wish.base, wish.flags);
    PV_CO_TRY(span);
    const Link &top = chain.links[span->top], &base = chain.links[span->base];
    const bool active = span->top == 0;
    BlockJob job;
    job.id = job_id("commit", on->disk, top);
    job.type = active ? PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT : PV_DOMAIN_BLOCK_JOB_TYPE_COMMIT;
    job.disk = on->disk.target.dev;
    job.top = top.number();
    job.base = base.number();
    job.removes = (wish.flags & PV_DOMAIN_BLOCK_COMMIT_DELETE) != 0;
    Json arguments = {{"device", format_node(chain.links.front().number())},
                      {"top-node", format_node(top.number())},
                      {"base-node", format_node(base.number())}};
    put_speed(arguments, wish.speed);
    const bool relative = (wish.flags & PV_DOMAIN_BLOCK_COMMIT_RELATIVE) != 0;
    PV_CO_TRY(open_images(*on->run, active ? std::vector{&base} : std::vector{&base, &chain.links[span->top - 1]}, op->call()));
    if (!active) {
        // What the image above is told of its new neighbour.
        const auto name = relative ? relative_name(chain, span->top - 1, span->base) : backing_name(base);
        PV_CO_TRY(name);
        arguments["backing-file"] = *name;
    } else {
        Chain mirror;
        mirror.links.push_back(base);
        const ObjectLock lock(guest->mu);
        driver_.edit_live(*guest, [&](Domain& live) {
            if (Disk* const disk = find_disk(live, job.disk)) disk->mirror = mirror_of(mirror, "active-commit");
        });
    }
    co_return co_await begin_job(on->run, std::move(job), "block-commit", std::move(arguments));
}

pv_status BlockOps::block_commit(pv_call* call, const pv_obj* obj, const pv_dom_block_commit_in& in, pv_dom_block_commit_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_BLOCK_COMMIT_SHALLOW | PV_DOMAIN_BLOCK_COMMIT_DELETE | PV_DOMAIN_BLOCK_COMMIT_ACTIVE |
                                     PV_DOMAIN_BLOCK_COMMIT_RELATIVE | PV_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuDomainBlockCommit"); !flags) return answer(call, flags);
    const auto speed = bytes_per_second(in.bandwidth, (in.flags & PV_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES) != 0);
    if (!speed) return answer(call, speed.error());
    const CommitWish wish{.disk = in.disk, .base = text(in.base), .top = text(in.top), .speed = *speed, .flags = in.flags};
    return change(call, obj, "block commit", [this, wish](const sdk::OperationPtr& op, const GuestPtr& guest) { return commit(op, guest, wish); });
}

} // namespace polyvirt::qemu
