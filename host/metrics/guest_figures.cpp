// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/guest_figures.h"

#include <utility>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/dom_stats.h>
#include <polyvirt/abi/gen/ops.h>

#include "base/log.h"
#include "host/plugin/builders.h"
#include "host/plugin/context.h"
#include "host/plugin/job_queue.h"

namespace polyvirt::metrics {
namespace {

struct Field {
    std::string_view name;
    std::optional<std::uint64_t> GuestFigure::*value;
};
constexpr Field kFields[] = {{PV_DOMAIN_STATS_VCPU_CURRENT, &GuestFigure::vcpus},
                             {PV_DOMAIN_STATS_VCPU_MAXIMUM, &GuestFigure::vcpus_max},
                             {PV_DOMAIN_STATS_BALLOON_CURRENT, &GuestFigure::memory_kib},
                             {PV_DOMAIN_STATS_BALLOON_MAXIMUM, &GuestFigure::memory_max_kib},
                             {PV_DOMAIN_STATS_CPU_TIME, &GuestFigure::cpu_ns}};

std::optional<std::uint64_t> number_of(const pv_param& param) {
    switch (param.type) {
    case PV_PARAM_INT: return param.v.i >= 0 ? std::optional<std::uint64_t>(param.v.i) : std::nullopt;
    case PV_PARAM_UINT: return param.v.ui;
    case PV_PARAM_LLONG: return param.v.l >= 0 ? std::optional<std::uint64_t>(param.v.l) : std::nullopt;
    case PV_PARAM_ULLONG: return param.v.ul;
    default: return std::nullopt;
    }
}

GuestFigure figure_of(const pv_params& params) {
    GuestFigure figure;
    for (const auto& param : params.list)
        for (const Field& field : kFields)
            if (param.field == field.name) figure.*field.value = number_of(param.value);
    return figure;
}

} // namespace

// What is known of one driver, and the call that asks it, of which there is one at a time.
class GuestFigures::Source : public std::enable_shared_from_this<Source> {
  public:
    Source(std::weak_ptr<plugin::Instance> instance, Options options) : instance_(std::move(instance)), options_(options) {}

    [[nodiscard]] bool is_of(const std::shared_ptr<plugin::Instance>& instance) const {
        return !instance_.owner_before(instance) && !instance.owner_before(instance_);
    }
    [[nodiscard]] bool is_over() const { return instance_.expired(); }
    SamplePtr look(const std::shared_ptr<plugin::Instance>& instance);
    void take(std::shared_ptr<Sample> sample);
    void cancel();

  private:
    class Call;
    bool begin(Clock::time_point now, std::shared_ptr<Call>& late);

    const std::weak_ptr<plugin::Instance> instance_;
    const Options options_;
    Mutex mu_{Rank::leaf};
    SamplePtr sample_ PV_GUARDED_BY(mu_);
    Clock::time_point asked_ PV_GUARDED_BY(mu_){};
    bool asking_ PV_GUARDED_BY(mu_) = false;
    std::weak_ptr<Call> call_ PV_GUARDED_BY(mu_);
};

class GuestFigures::Source::Call final : public plugin::Call {
  public:
    Call(std::shared_ptr<Source> source, Clock::time_point asked)
        : plugin::Call(std::make_shared<const plugin::Caller>()), source_(std::move(source)), asked_(asked) {
        in.size = sizeof in;
        in.stats = PV_DOMAIN_STATS_STATE | PV_DOMAIN_STATS_CPU_TOTAL | PV_DOMAIN_STATS_BALLOON | PV_DOMAIN_STATS_VCPU;
        in.flags = PV_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
        out.size = sizeof out;
        out.stats = &groups_;
    }

    // On whatever thread the driver answers from: takes what it gave and touches nothing else.
    void finished(pv_status status) override {
        auto sample = std::make_shared<Sample>();
        sample->taken = asked_;
        if (status < 0)
            log::debug("metrics", "figures of guests: {}", take_error(status).message);
        else
            for (const auto& group : groups_.list) {
                if (sample->by_handle.size() >= source_->options_.max_guests) break;
                sample->by_handle[group.handle] = figure_of(group.params);
            }
        std::exchange(source_, nullptr)->take(status < 0 ? nullptr : std::move(sample));
    }

    pv_dom_all_stats_in in{};
    pv_dom_all_stats_out out{};

  private:
    std::shared_ptr<Source> source_;
    const Clock::time_point asked_;
    pv_groups groups_;
};

// Whether it is time to ask; `late`: a call that has lasted too long.
bool GuestFigures::Source::begin(Clock::time_point now, std::shared_ptr<Call>& late) {
    const LeafLock lock(mu_);
    if (asking_) {
        if (now - asked_ > options_.deadline) late = call_.lock();
        return false;
    }
    if (asked_ != Clock::time_point{} && now - asked_ < options_.max_age) return false;
    asking_ = true;
    asked_ = now;
    return true;
}

GuestFigures::SamplePtr GuestFigures::Source::look(const std::shared_ptr<plugin::Instance>& instance) {
    const Clock::time_point now = Clock::now();
    std::shared_ptr<Call> late;
    if (begin(now, late)) {
        auto call = std::make_shared<Call>(shared_from_this(), now);
        {
            const LeafLock lock(mu_);
            call_ = call;
        }
        plugin::JobQueue::Job job = [call, instance] {
            instance->enter(call, PV_OP_DOM_ALL_STATS, nullptr, &call->in, &call->out);
        };
        if (!instance->host()->jobs->submit(0, job)) take(nullptr); // later, then
    }
    if (late) late->cancel();
    const LeafLock lock(mu_);
    return sample_;
}

void GuestFigures::Source::take(std::shared_ptr<Sample> sample) {
    const LeafLock lock(mu_);
    asking_ = false;
    if (sample) sample_ = std::move(sample);
}

void GuestFigures::Source::cancel() {
    std::shared_ptr<Call> call;
    {
        const LeafLock lock(mu_);
        if (asking_) call = call_.lock();
    }
    if (call) call->cancel();
}

GuestFigures::~GuestFigures() {
    std::vector<std::shared_ptr<Source>> all;
    {
        const LeafLock lock(mu_);
        for (const auto& [instance, source] : sources_) all.push_back(source);
    }
    for (const auto& source : all) source->cancel();
}

GuestFigures::SamplePtr GuestFigures::look(const std::shared_ptr<plugin::Instance>& instance) {
    if (options_.max_age.count() == 0 || !instance->implements(PV_OP_DOM_ALL_STATS)) return nullptr;
    std::shared_ptr<Source> source;
    {
        const LeafLock lock(mu_);
        std::shared_ptr<Source>& found = sources_[instance.get()];
        // Another one may have come to stand where an ended one stood.
        if (!found || !found->is_of(instance)) found = std::make_shared<Source>(instance, options_);
        source = found;
        std::erase_if(sources_, [](const auto& entry) { return entry.second->is_over(); });
    }
    return source->look(instance);
}

} // namespace polyvirt::metrics
