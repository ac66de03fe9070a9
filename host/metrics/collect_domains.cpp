// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <array>
#include <chrono>
#include <map>
#include <optional>

#include "host/metrics/collect.h"
#include "host/plugin/registry.h"

namespace polyvirt::metrics {
namespace {

using DomainType = Exposition::Type;

struct Shown {
    const DomainSource* source;
    plugin::ObjectPtr domain;
    std::string uuid;
};

// The wire's numbers of a domain's state.
constexpr std::array<const char*, 8> kStates = {"nostate",  "running", "blocked", "paused",
                                                "shutdown", "shutoff", "crashed", "pmsuspended"};

const char* state_name(std::int32_t state) {
    const auto number = static_cast<std::size_t>(state);
    return number < kStates.size() ? kStates[number] : "unknown";
}

void count_domains(Exposition& out, std::span<const DomainSource> sources,
                   const std::map<std::pair<std::string, std::int32_t>, std::uint64_t>& counts) {
    out.family("polyvirt_domains", DomainType::gauge, "Guests by driver and state");
    for (const DomainSource& source : sources)
        for (std::int32_t state = 0; state < static_cast<std::int32_t>(kStates.size()); ++state) {
            const auto found = counts.find({source.driver, state});
            out.sample({{"driver", source.driver}, {"state", state_name(state)}},
                       found == counts.end() ? std::uint64_t{0} : found->second);
        }
}

struct DomainGauge {
    const char* name;
    const char* help;
    double (*value)(const plugin::ObjectRef& domain);
};
constexpr DomainGauge kGauges[] = {
    {"polyvirt_domain_state_code", "State as the wire's number: 1 running, 3 paused, 4 shutting down, 5 off, 6 crashed",
     [](const plugin::ObjectRef& d) { return static_cast<double>(d.state); }},
    {"polyvirt_domain_active", "1 while the guest runs",
     [](const plugin::ObjectRef& d) { return (d.attrs & PV_ATTR_ACTIVE) != 0 ? 1.0 : 0.0; }},
    {"polyvirt_domain_persistent", "1 if the guest stays defined when it is off",
     [](const plugin::ObjectRef& d) { return (d.attrs & PV_ATTR_PERSISTENT) != 0 ? 1.0 : 0.0; }},
    {"polyvirt_domain_autostart", "1 if the guest starts with the daemon",
     [](const plugin::ObjectRef& d) { return (d.attrs & PV_ATTR_AUTOSTART) != 0 ? 1.0 : 0.0; }},
};

struct FigureFamily {
    const char *name, *help;
    DomainType type;
    std::optional<std::uint64_t> GuestFigure::*value;
    double unit; // of what the driver tells
};
constexpr FigureFamily kFigures[] = {
    {"polyvirt_domain_vcpus", "Virtual processors in use", DomainType::gauge, &GuestFigure::vcpus, 1},
    {"polyvirt_domain_vcpus_max", "Virtual processors that the guest may have", DomainType::gauge, &GuestFigure::vcpus_max, 1},
    {"polyvirt_domain_memory_bytes", "Memory that the guest has now", DomainType::gauge, &GuestFigure::memory_kib, 1024},
    {"polyvirt_domain_memory_max_bytes", "Memory that the guest may have", DomainType::gauge, &GuestFigure::memory_max_kib, 1024},
    {"polyvirt_domain_cpu_seconds", "Processor time of the guest since it started", DomainType::counter,
     &GuestFigure::cpu_ns, 1e-9},
};

const GuestFigure* figure_of(const Shown& one) {
    if (!one.source->sample) return nullptr;
    const auto found = one.source->sample->by_handle.find(one.domain->handle);
    return found != one.source->sample->by_handle.end() ? &found->second : nullptr;
}

void collect_figures(Exposition& out, std::span<const DomainSource> sources, std::span<const Shown> shown) {
    out.family("polyvirt_domain_figures_age_seconds", DomainType::gauge, "Time since a driver was asked for the figures below");
    for (const DomainSource& source : sources)
        if (source.sample)
            out.sample({{"driver", source.driver}},
                       std::chrono::duration<double>(GuestFigures::Clock::now() - source.sample->taken).count());
    for (const FigureFamily& family : kFigures) {
        out.family(family.name, family.type, family.help);
        for (const Shown& one : shown)
            if (const GuestFigure* figure = figure_of(one); figure != nullptr && figure->*family.value)
                out.sample({{"uuid", one.uuid}, {"name", one.domain->name}},
                           static_cast<double>(*(figure->*family.value)) * family.unit);
    }
}

} // namespace

void collect_domains(Exposition& out, std::span<const DomainSource> sources, std::size_t most) {
    std::vector<Shown> shown;
    std::map<std::pair<std::string, std::int32_t>, std::uint64_t> counts;
    std::uint64_t omitted = 0;
    for (const DomainSource& source : sources)
        for (plugin::ObjectPtr& domain : source.registry->list({.kind = PV_KIND_DOMAIN})) {
            ++counts[{source.driver, domain->state}];
            if (shown.size() < most)
                shown.push_back({&source, domain, domain->uuid.to_string()});
            else
                ++omitted;
        }
    count_domains(out, sources, counts);
    out.family("polyvirt_domains_omitted", DomainType::gauge, "Guests that are not listed one by one (metrics.max_domains)");
    out.sample({}, omitted);
    out.family("polyvirt_domain_info", DomainType::gauge, "Always 1; the guest's name, id while it runs, and driver");
    for (const Shown& one : shown) {
        const std::string id = one.domain->dom_id > 0 ? std::to_string(one.domain->dom_id) : "";
        out.sample({{"uuid", one.uuid}, {"name", one.domain->name}, {"id", id}, {"driver", one.source->driver}}, 1.0);
    }
    for (const DomainGauge& gauge : kGauges) {
        out.family(gauge.name, DomainType::gauge, gauge.help);
        for (const Shown& one : shown)
            out.sample({{"uuid", one.uuid}, {"name", one.domain->name}}, gauge.value(*one.domain));
    }
    collect_figures(out, sources, shown);
}

} // namespace polyvirt::metrics
