// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "stats/figures.h"

#include <algorithm>

#include <polyvirt/abi/gen/constants.h>

#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

std::optional<std::int64_t> number(const Json& j, const char* key) {
    if (!j.is_object()) return {};
    const auto it = j.find(key);
    if (it == j.end() || !it->is_number()) return {};
    // What the guest has not told is all ones.
    if (it->is_number_unsigned() && it->get<std::uint64_t>() > INT64_MAX) return -1;
    return it->is_number_integer() ? std::optional(it->get<std::int64_t>()) : std::nullopt;
}

} // namespace

// The guest's own numbers: of any size and sense.
std::vector<std::pair<std::int32_t, std::uint64_t>> read_guest_stats(const Json& reply) {
    struct Row {
        const char* key;
        std::int32_t tag;
        std::uint64_t unit; // divided by
    };
    constexpr Row kRows[] = {
        {"stat-swap-in", PV_DOMAIN_MEMORY_STAT_SWAP_IN, 1024},
        {"stat-swap-out", PV_DOMAIN_MEMORY_STAT_SWAP_OUT, 1024},
        {"stat-major-faults", PV_DOMAIN_MEMORY_STAT_MAJOR_FAULT, 1},
        {"stat-minor-faults", PV_DOMAIN_MEMORY_STAT_MINOR_FAULT, 1},
        {"stat-free-memory", PV_DOMAIN_MEMORY_STAT_UNUSED, 1024},
        {"stat-total-memory", PV_DOMAIN_MEMORY_STAT_AVAILABLE, 1024},
        {"stat-available-memory", PV_DOMAIN_MEMORY_STAT_USABLE, 1024},
        {"last-update", PV_DOMAIN_MEMORY_STAT_LAST_UPDATE, 1},
        {"stat-disk-caches", PV_DOMAIN_MEMORY_STAT_DISK_CACHES, 1024},
        {"stat-htlb-pgalloc", PV_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, 1},
        {"stat-htlb-pgfail", PV_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, 1},
    };
    std::vector<std::pair<std::int32_t, std::uint64_t>> all;
    if (!reply.is_object()) return all;
    const auto stats = reply.find("stats");
    for (const Row& row : kRows) {
        const bool outer = row.tag == PV_DOMAIN_MEMORY_STAT_LAST_UPDATE;
        if (!outer && stats == reply.end()) continue;
        const auto value = number(outer ? reply : *stats, row.key);
        if (value && *value >= 0) all.emplace_back(row.tag, static_cast<std::uint64_t>(*value) / row.unit);
    }
    return all;
}

DirtyRate read_dirty_rate(const Json& reply) {
    DirtyRate rate;
    const std::string status = text_of(reply, "status");
    rate.status = status == "measured" ? 2 : status == "measuring" ? 1 : 0;
    rate.start_time = number(reply, "start-time").value_or(0);
    rate.period = static_cast<std::int32_t>(std::clamp<std::int64_t>(number(reply, "calc-time").value_or(0), 0, INT32_MAX));
    rate.mode = text_of(reply, "mode");
    rate.megabytes_per_second = number(reply, "dirty-rate").value_or(0);
    const auto vcpus = reply.is_object() ? reply.find("vcpu-dirty-rate") : reply.end();
    if (vcpus != reply.end() && vcpus->is_array())
        for (const Json& one : *vcpus) {
            const auto id = number(one, "id");
            if (id && *id >= 0 && *id <= UINT16_MAX) rate.vcpus.emplace_back(static_cast<std::uint32_t>(*id), number(one, "dirty-rate").value_or(0));
        }
    return rate;
}

SamplePtr Figures::last() const {
    const LeafLock lock(mu_);
    return last_;
}
ThreadsPtr Figures::threads() const {
    const LeafLock lock(mu_);
    return threads_;
}
void Figures::set_threads(ThreadsPtr threads) {
    const LeafLock lock(mu_);
    threads_ = std::move(threads);
}
std::int64_t Figures::stuck_for() const {
    const LeafLock lock(mu_);
    return late_ ? s_.loop->now_ns(s_.host) - asked_ns_ : 0;
}

void Figures::dirty_rate_begun(bool surely) {
    const LeafLock lock(mu_);
    measures_ = true;
    surely_ = surely;
}
std::uint32_t Figures::changing(std::uint32_t parts, bool polled) const {
    const LeafLock lock(mu_);
    if (!polled && last_->taken_ns[0] != 0) parts &= ~kMemory;
    if (!measures_) parts &= ~kDirtyRate;
    return parts;
}

// Taken since then: never is not.
bool Figures::fresh(std::uint32_t parts, std::int64_t since) const {
    for (std::size_t i = 0; i < last_->taken_ns.size(); ++i)
        if ((parts & 1U << i) != 0 && (last_->taken_ns[i] == 0 || last_->taken_ns[i] < since)) return false;
    return true;
}

void Figures::want(const RunPtr& run, std::uint32_t parts, std::function<void()> done, std::int64_t max_age) {
    bool begins = false;
    {
        const LeafLock lock(mu_);
        if (!late_ && !fresh(parts, s_.loop->now_ns(s_.host) - max_age)) {
            wanted_ |= parts;
            if (!silent_) waiters_.push_back({parts, std::exchange(done, nullptr)});
            begins = !std::exchange(asking_, true);
        }
    }
    // A loop that has ended lets go of what it was posted; so does begin() then.
    if (begins && !run->loop().post([run, this] { begin(run); })) end(run, UINT32_MAX, {});
    if (done) done();
}

void Figures::begin(const RunPtr& run) {
    std::uint32_t parts = 0;
    bool first = false;
    {
        const LeafLock lock(mu_);
        parts = std::exchange(wanted_, 0);
        for (std::size_t i = 0; i < last_->taken_ns.size(); ++i) first = first || ((parts & 1U << i) != 0 && last_->taken_ns[i] == 0);
        asked_ns_ = s_.loop->now_ns(s_.host);
    }
    const std::weak_ptr<Run> weak = run;
    timer_ = run->loop().timer(first ? kFirstPatience : kPatience, 0, [weak, this] {
        if (const RunPtr alive = weak.lock()) late();
    });
    sdk::start(ask(*this, run, parts), [run, parts, this](const Status& outcome) { end(run, parts, outcome); });
}

void Figures::late() {
    timer_.reset();
    std::vector<Waiter> tired;
    {
        const LeafLock lock(mu_);
        late_ = asking_;
        tired.swap(waiters_);
    }
    for (const Waiter& w : tired) w.done();
}

void Figures::end(const RunPtr& run, std::uint32_t parts, const Status& outcome) {
    timer_.reset();
    std::vector<Waiter> served;
    bool more = false;
    {
        const LeafLock lock(mu_);
        silent_ = late_ && !outcome;
        late_ = false;
        std::erase_if(waiters_, [&](Waiter& w) {
            if ((w.parts & ~parts) != 0) return false;
            served.push_back(std::move(w));
            return true;
        });
        more = !waiters_.empty();
        asking_ = more;
    }
    for (const Waiter& w : served) w.done();
    if (more) begin(run);
}

void Figures::store(std::uint32_t part, const std::function<void(Sample&)>& change) {
    const LeafLock lock(mu_);
    auto next = std::make_shared<Sample>(*last_);
    change(*next);
    for (std::size_t i = 0; i < next->taken_ns.size(); ++i)
        if (part == 1U << i) next->taken_ns[i] = s_.loop->now_ns(s_.host);
    last_ = std::move(next);
}

// What the emulator refuses it has not: that is an answer as well. Only where it can't be asked the sample stays, which is
// the error.
sdk::Task<Status> Figures::ask(Figures& self, RunPtr run, std::uint32_t parts) {
    const auto answered = [](const Result<Json>& reply) { return reply || reply.error().code == ErrorCode::internal_error; };
    std::string balloon;
    {
        Guest& guest = *run->guest();
        const ObjectLock lock(guest.mu);
        if (guest.live && guest.live->devices.memballoon) balloon = guest.live->devices.memballoon->info.alias.name;
    }
    if ((parts & kMemory) != 0) {
        Result<Json> reply = Json();
        if (!balloon.empty()) {
            Json arguments = {{"path", "/machine/peripheral/" + balloon}, {"property", "guest-stats"}};
            reply = co_await run->qmp("qom-get", std::move(arguments));
        }
        if (!answered(reply)) co_return reply.error();
        self.store(kMemory, [&](Sample& s) { s.memory = reply ? read_guest_stats(*reply) : s.memory; });
    }
    if ((parts & kDirtyRate) != 0) {
        const auto reply = co_await run->qmp("query-dirty-rate");
        if (!answered(reply)) co_return reply.error();
        self.store(kDirtyRate, [&](Sample& s) {
            s.dirty_rate.reset();
            if (reply) s.dirty_rate = read_dirty_rate(*reply);
        });
        const LeafLock lock(self.mu_);
        // A measurement that has just been asked for is not begun yet.
        const std::int32_t status = self.last_->dirty_rate ? self.last_->dirty_rate->status : 0;
        self.measures_ = reply && (status == 1 || (status == 0 && self.surely_));
    }
    if ((parts & kBlocks) != 0) {
        const auto sample = co_await ask_for_blocks(run);
        PV_CO_TRY(sample);
        self.store(kBlocks, [&](Sample& s) { s.blocks = *sample; });
    }
    co_return Status{};
}

sdk::Async<Status> sampled(const RunPtr& run, std::uint32_t parts, std::int64_t max_age) {
    return sdk::Async<Status>([run, parts, max_age](const sdk::Answer<Status>& answer) {
        run->figures().want(run, parts, [answer] { answer({}); }, max_age);
    });
}

} // namespace polyvirt::qemu
