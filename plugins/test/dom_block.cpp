// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.block: disks that grow, and jobs that move their contents. A job lasts a moment, or as long as the domain's
// <fault:long-jobs> says; a timer, no thread.

#include <algorithm>
#include <utility>

#include "domains.h"
#include "op.h"
#include "sdk/domain/disk.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

using namespace sdk::domain;

constexpr std::int64_t kJobMs = 100;
constexpr std::uint64_t kJobBytes = std::uint64_t{1} << 30;

void post_job(Domains& domains, const Guest& guest, const std::string& target, std::int32_t type, std::int32_t status) PV_REQUIRES(guest.mu) {
    std::string path = target;
    if (guest.live)
        if (const auto disk = find_disk(*guest.live, target); disk && !source_of(**disk).empty()) path = source_of(**disk);
    pv_event_domain_block_job by_path{};
    by_path.size = sizeof by_path;
    by_path.path = path.c_str();
    by_path.type = type;
    by_path.status = status;
    domains.post(guest, PV_EVENT_DOMAIN_BLOCK_JOB, &by_path);
    pv_event_domain_block_job_2 by_target{};
    by_target.size = sizeof by_target;
    by_target.dst = target.c_str();
    by_target.type = type;
    by_target.status = status;
    domains.post(guest, PV_EVENT_DOMAIN_BLOCK_JOB_2, &by_target);
}

// A pull or commit is over; a copy is ready, and goes on until somebody pivots to it or drops it.
void job_due(Domains& domains, const GuestPtr& guest, const std::string& target, std::uint64_t number) {
    plugin::Watch timer; // ends without the lock
    const ObjectLock lock(guest->mu);
    const auto found = guest->block_jobs.find(target);
    if (found == guest->block_jobs.end() || found->second.number != number) return;
    BlockJob& job = found->second;
    const bool copies = job.type == PV_DOMAIN_BLOCK_JOB_TYPE_COPY || job.type == PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
    post_job(domains, *guest, target, job.type, copies ? PV_DOMAIN_BLOCK_JOB_READY : PV_DOMAIN_BLOCK_JOB_COMPLETED);
    job.ready = copies;
    if (copies) return;
    std::swap(timer, job.timer);
    guest->block_jobs.erase(found);
}

class Block : public Ops {
  public:
    using Ops::Ops;

    pv_status block_resize(pv_call* call, const pv_obj* obj, const pv_dom_block_resize_in& in, pv_dom_block_resize_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_RESIZE_BYTES, "testDomainBlockResize"); !flags) return answer(call, flags);
        if ((in.flags & PV_DOMAIN_BLOCK_RESIZE_BYTES) == 0 && in.capacity > UINT64_MAX / 1024)
            return fail(call, make_error(ErrorCode::overflow, ErrorDomain::test, "size must be less than {} KiB", UINT64_MAX / 1024));
        const std::uint64_t bytes = (in.flags & PV_DOMAIN_BLOCK_RESIZE_BYTES) != 0 ? in.capacity : in.capacity * 1024;
        return with_disk(call, obj, in.disk, "resize", [bytes](Guest& guest, const Disk& disk) PV_REQUIRES(guest.mu) -> Status {
            guest.inside.capacity[disk.target.dev] = bytes;
            return {};
        });
    }

    pv_status block_pull(pv_call* call, const pv_obj* obj, const pv_dom_block_pull_in& in, pv_dom_block_pull_out&) {
        return begin(call, obj, in.path, PV_DOMAIN_BLOCK_JOB_TYPE_PULL, in.bandwidth);
    }
    pv_status block_rebase(pv_call* call, const pv_obj* obj, const pv_dom_block_rebase_in& in, pv_dom_block_rebase_out&) {
        if ((in.flags & PV_DOMAIN_BLOCK_REBASE_COPY) == 0) return begin(call, obj, in.path, PV_DOMAIN_BLOCK_JOB_TYPE_PULL, in.bandwidth);
        if (in.base == nullptr || *in.base == '\0')
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "a copy needs the file that is copied to"));
        return begin(call, obj, in.path, PV_DOMAIN_BLOCK_JOB_TYPE_COPY, in.bandwidth, in.base);
    }
    pv_status block_commit(pv_call* call, const pv_obj* obj, const pv_dom_block_commit_in& in, pv_dom_block_commit_out&) {
        const bool active = (in.flags & PV_DOMAIN_BLOCK_COMMIT_ACTIVE) != 0;
        return begin(call, obj, in.disk, active ? PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT : PV_DOMAIN_BLOCK_JOB_TYPE_COMMIT, in.bandwidth);
    }
    pv_status block_copy(pv_call* call, const pv_obj* obj, const pv_dom_block_copy_in& in, pv_dom_block_copy_out&) {
        constexpr std::uint32_t kKnown = PV_DOMAIN_BLOCK_COPY_SHALLOW | PV_DOMAIN_BLOCK_COPY_REUSE_EXT | PV_DOMAIN_BLOCK_COPY_TRANSIENT_JOB |
                                         PV_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES;
        if (const Status flags = check_flags(in.flags, kKnown, "testDomainBlockCopy"); !flags) return answer(call, flags);
        const auto node = sdk::xml::read(in.dest_xml, "destination");
        if (!node) return fail(call, node.error());
        const sdk::xml::Node* const source = node->child("source");
        const std::string* file = source != nullptr ? source->attribute("file") : nullptr;
        if (file == nullptr && source != nullptr) file = source->attribute("dev");
        if (file == nullptr)
            return fail(call, make_error(ErrorCode::xml_error, ErrorDomain::test, "line {}: <{}> has no <source> with 'file' or 'dev'", node->line, node->name));
        std::uint64_t bandwidth = 0;
        for (std::uint32_t i = 0; i < in.nparams; ++i)
            if (std::string_view(in.params[i].field) == "bandwidth" && in.params[i].type == PV_PARAM_ULLONG) bandwidth = in.params[i].v.ul;
        return begin(call, obj, in.path, PV_DOMAIN_BLOCK_JOB_TYPE_COPY, bandwidth, *file);
    }

    pv_status block_job_info(pv_call* call, const pv_obj* obj, const pv_dom_block_job_info_in& in, pv_dom_block_job_info_out& out) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES, "testDomainGetBlockJobInfo"); !flags)
            return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        const std::int64_t now = s_.loop->now_ns(s_.host);
        const ObjectLock lock(guest->mu);
        if (!guest->active()) return fail(call, not_running());
        const auto disk = find_disk(*guest->live, in.path);
        if (!disk) return fail(call, disk.error());
        const auto found = guest->block_jobs.find((*disk)->target.dev);
        if (found == guest->block_jobs.end()) return PV_OK;
        const BlockJob& job = found->second;
        const std::int64_t elapsed = std::clamp<std::int64_t>(now - job.begun_ns, 0, job.length_ns);
        out.found = 1;
        out.type = job.type;
        out.bandwidth = job.bandwidth;
        out.end = job.end;
        out.cur = job.ready ? job.end : static_cast<std::uint64_t>(static_cast<double>(job.end) * static_cast<double>(elapsed) / static_cast<double>(job.length_ns));
        if (!job.ready && out.cur == out.end) --out.cur; // equal means ready
        return PV_OK;
    }

    pv_status block_job_abort(pv_call* call, const pv_obj* obj, const pv_dom_block_job_abort_in& in, pv_dom_block_job_abort_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_JOB_ABORT_ASYNC | PV_DOMAIN_BLOCK_JOB_ABORT_PIVOT, "testDomainBlockJobAbort"); !flags)
            return answer(call, flags);
        const bool pivot = (in.flags & PV_DOMAIN_BLOCK_JOB_ABORT_PIVOT) != 0;
        return with_disk(call, obj, in.path, "abort block job", [&domains = driver_.domains(), pivot](Guest& guest, const Disk& disk) PV_REQUIRES(guest.mu) -> Status {
            const std::string target = disk.target.dev;
            const auto found = guest.block_jobs.find(target);
            if (found == guest.block_jobs.end()) return invalid(fmt::format("no active block job on disk '{}'", target));
            const BlockJob job = BlockJob{.number = 0, .type = found->second.type, .begun_ns = 0, .length_ns = 0, .bandwidth = 0, .end = 0,
                                          .ready = found->second.ready, .target = found->second.target, .timer = {}};
            if (pivot && !job.ready)
                return make_error(ErrorCode::block_copy_active, ErrorDomain::test, "block job on disk '{}' not ready for pivot yet", target);
            guest.block_jobs.erase(found);
            if (pivot && !job.target.empty())
                PV_TRY(domains.edit(guest, PV_DOMAIN_AFFECT_LIVE, [&](Domain& d) -> Status {
                    for (Disk& changed : d.devices.disks)
                        if (changed.target.dev == target) changed.source.emplace().file = job.target;
                    return {};
                }));
            // A copy that was ready leaves two good disks behind, whichever is used on.
            post_job(domains, guest, target, job.type, job.ready ? PV_DOMAIN_BLOCK_JOB_COMPLETED : PV_DOMAIN_BLOCK_JOB_CANCELED);
            return {};
        });
    }
    pv_status block_job_set_speed(pv_call* call, const pv_obj* obj, const pv_dom_block_job_set_speed_in& in, pv_dom_block_job_set_speed_out&) {
        return with_disk(call, obj, in.path, "block job speed", [speed = in.bandwidth](Guest& guest, const Disk& disk) PV_REQUIRES(guest.mu) -> Status {
            const auto found = guest.block_jobs.find(disk.target.dev);
            if (found == guest.block_jobs.end()) return invalid(fmt::format("no active block job on disk '{}'", disk.target.dev));
            found->second.bandwidth = speed;
            return {};
        });
    }
    pv_status set_block_threshold(pv_call* call, const pv_obj* obj, const pv_dom_set_block_threshold_in& in, pv_dom_set_block_threshold_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainSetBlockThreshold"); !flags) return answer(call, flags);
        return with_disk(call, obj, in.dev, "block threshold", [bytes = in.threshold](Guest& guest, const Disk& disk) PV_REQUIRES(guest.mu) -> Status {
            if (bytes == 0) guest.inside.thresholds.erase(disk.target.dev);
            else guest.inside.thresholds[disk.target.dev] = bytes;
            return {};
        });
    }

  private:
    using Step = std::function<Status(Guest&, const Disk&)>;

    pv_status with_disk(pv_call* call, const pv_obj* obj, const char* name, const char* what, Step step) {
        return driver_.domains().change(call, obj, what, [name = std::string(name), step = std::move(step)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.active()) return not_running();
            const DocumentPtr live = guest.live; // the step may replace it
            PV_ASSIGN_OR_RETURN(const Disk* const disk, find_disk(*live, name));
            return step(guest, *disk);
        });
    }

    pv_status begin(pv_call* call, const pv_obj* obj, const char* name, std::int32_t type, std::uint64_t bandwidth, std::string to = {}) {
        return with_disk(call, obj, name, "block job",
                         [&driver = driver_, type, bandwidth, to = std::move(to)](Guest& guest, const Disk& disk) PV_REQUIRES(guest.mu) -> Status {
                             const std::string target = disk.target.dev;
                             if (guest.block_jobs.contains(target)) return invalid(fmt::format("disk '{}' already in active block job", target));
                             const plugin::Services& s = driver.services();
                             BlockJob job;
                             job.number = driver.next_number();
                             job.type = type;
                             job.begun_ns = s.loop->now_ns(s.host);
                             job.length_ns = std::max<std::int64_t>(kJobMs, guest.faults.job_ms()) * kMillisecond;
                             job.bandwidth = bandwidth;
                             job.end = kJobBytes;
                             job.target = to;
                             const std::weak_ptr<Guest> weak = guest.weak_from_this();
                             job.timer = driver.loop().timer(job.length_ns, 0, [&driver, weak, target, number = job.number] {
                                 if (const GuestPtr still = weak.lock()) job_due(driver.domains(), still, target, number);
                             });
                             guest.block_jobs.emplace(target, std::move(job));
                             return {};
                         });
    }
};

} // namespace

const void* dom_block_table() {
    static const auto table = make_table<pv_dom_block>([](auto& t) {
        t.block_resize = op<"domain.block_resize", &Block::block_resize>;
        t.block_pull = op<"domain.block_pull", &Block::block_pull>;
        t.block_rebase = op<"domain.block_rebase", &Block::block_rebase>;
        t.block_commit = op<"domain.block_commit", &Block::block_commit>;
        t.block_copy = op<"domain.block_copy", &Block::block_copy>;
        t.block_job_info = op<"domain.block_job_info", &Block::block_job_info>;
        t.block_job_abort = op<"domain.block_job_abort", &Block::block_job_abort>;
        t.block_job_set_speed = op<"domain.block_job_set_speed", &Block::block_job_set_speed>;
        t.set_block_threshold = op<"domain.set_block_threshold", &Block::set_block_threshold>;
    });
    return &table;
}

} // namespace polyvirt::test
