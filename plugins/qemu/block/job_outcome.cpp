// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the end of a job makes of chains.

#include <algorithm>

#include "block/disks.h"
#include "block/jobs.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

using Links = std::vector<Link>;

std::size_t place_of(const Chain& chain, std::uint32_t number) {
    const auto it = std::find_if(chain.links.begin(), chain.links.end(), [number](const Link& l) { return l.number() == number; });
    return static_cast<std::size_t>(it - chain.links.begin());
}

void give_up(const Link& link, BlockJob& job) {
    job.unused.push_back(link.number());
    if (!link.path().empty()) job.files.push_back(link.path());
}

// links[first] to before links[last] go.
void cut(Chain& chain, std::size_t first, std::size_t last, BlockJob& job) {
    first = std::min(first, chain.links.size());
    last = std::clamp(last, first, chain.links.size());
    for (std::size_t i = first; i < last; ++i) {
        give_up(chain.links[i], job);
    }
    const auto at = chain.links.begin();
    if (last == chain.links.size()) chain.ended = true;
    chain.links.erase(at + static_cast<std::ptrdiff_t>(first), at + static_cast<std::ptrdiff_t>(last));
}

void pulled(Disk& disk, BlockJob& job) {
    Chain chain = chain_of(disk);
    cut(chain, place_of(chain, job.top) + 1, job.base == 0 ? chain.links.size() : place_of(chain, job.base), job);
    set_chain(disk, chain);
}

void committed(Disk& disk, BlockJob& job) {
    Chain chain = chain_of(disk);
    cut(chain, place_of(chain, job.top), place_of(chain, job.base), job);
    set_chain(disk, chain);
}

void pivoted(Disk& disk, BlockJob& job) {
    if (job.type == PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT) {
        disk.mirror.reset();
        return committed(disk, job);
    }
    if (!disk.mirror) return;
    Chain before = chain_of(disk), after = mirror_chain(*disk.mirror);
    disk.mirror.reset();
    if (after.links.empty() || before.links.empty()) return;
    const std::size_t shared = job.shallow ? 1 : before.links.size(); // of these on the copy has the rest below itself
    for (std::size_t i = 0; i < shared; ++i) give_up(before.links[i], job);
    if (job.shallow) {
        after.links.insert(after.links.end(), before.links.begin() + 1, before.links.end());
        after.ended = before.ended;
    }
    set_chain(disk, after);
}

// The copy is nobody's.
void unmirrored(Disk& disk, BlockJob& job) {
    if (disk.mirror && job.type == PV_DOMAIN_BLOCK_JOB_TYPE_COPY)
        for (const Link& link : mirror_chain(*disk.mirror).links) give_up(link, job);
    disk.mirror.reset();
}

bool mirrors(const BlockJob& job) {
    return job.type == PV_DOMAIN_BLOCK_JOB_TYPE_COPY || job.type == PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
}

// Numbers are of the run.
Chain without_numbers(Chain chain) {
    for (Link& link : chain.links) link.source.index.reset();
    return chain;
}

bool same_place(const Disk& a, const Disk& b) {
    const Chain one = chain_of(a), other = chain_of(b);
    if (one.links.empty() || other.links.empty() || one.links.front().type != other.links.front().type) return false;
    const std::string& path = one.links.front().path();
    return path.empty() ? a.source->name == b.source->name && a.source->protocol == b.source->protocol : path == other.links.front().path();
}

} // namespace

void settle_live(Domain& live, BlockJob& job) {
    job.unused.clear();
    job.files.clear();
    Disk* const disk = find_disk(live, job.disk);
    if (disk == nullptr) return;
    if (job.outcome != PV_DOMAIN_BLOCK_JOB_COMPLETED) return mirrors(job) ? unmirrored(*disk, job) : void();
    switch (job.type) {
    case PV_DOMAIN_BLOCK_JOB_TYPE_PULL: return pulled(*disk, job);
    case PV_DOMAIN_BLOCK_JOB_TYPE_COMMIT: return committed(*disk, job);
    case PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT:
    case PV_DOMAIN_BLOCK_JOB_TYPE_COPY: return pivoted(*disk, job);
    default: return;
    }
}

bool settle_config(Domain& config, const Disk& before, const Disk& after, const BlockJob& job) {
    Disk* const disk = find_disk(config, job.disk);
    if (disk == nullptr || job.outcome != PV_DOMAIN_BLOCK_JOB_COMPLETED || !same_place(*disk, before)) return false;
    if (mirrors(job)) {
        Chain chain = without_numbers(chain_of(after));
        // What is below is read from the files when it starts, but where it says itself that nothing is.
        if (job.type == PV_DOMAIN_BLOCK_JOB_TYPE_COPY && job.shallow) {
            chain.links.resize(1);
            chain.ended = false;
        }
        set_chain(*disk, chain);
        return true;
    }
    // Images that a user has listed, and that are no more.
    if (disk->backing.empty()) return false;
    Chain listed = chain_of(*disk);
    const Chain old = chain_of(before), now = chain_of(after);
    const auto gone = [&](const Link& link) {
        const auto is = [&link](const Link& other) { return !link.path().empty() && link.path() == other.path(); };
        return std::any_of(old.links.begin(), old.links.end(), is) && std::none_of(now.links.begin(), now.links.end(), is);
    };
    const std::size_t count = listed.links.size();
    std::erase_if(listed.links, gone);
    if (listed.links.size() == count) return false;
    set_chain(*disk, listed);
    return true;
}

} // namespace polyvirt::qemu
