// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/confinement.h"

#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "ownership/needs.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kUsualRunFolder = "/run/polyvirt/qemu";

} // namespace

Status Confinement::start(const plugin::Services& s) {
    PV_ASSIGN_OR_RETURN(settings_, read_settings(s));
    PV_ASSIGN_OR_RETURN(default_, default_identity(settings_.user, settings_.group, {"polyvirt-qemu", "libvirt-qemu", "qemu"}));
    PV_ASSIGN_OR_RETURN(tpm_, default_identity(settings_.tpm_user, settings_.tpm_group, {"tss"}));
    if (settings_.user.empty() && ::geteuid() == 0 && !default_.changes)
        log::warning("qemu", "emulators run as root: this host has none of the users polyvirt-qemu, libvirt-qemu and qemu, and "
                             "plugins.qemu.user names no other");
    if (!settings_.cgroups) return {};
    const char* const run = s.paths->dir(s.host, PV_PATH_RUN);
    tree_ = cgroup::Tree::of_this_process(cgroup::prefix_of(run != nullptr ? run : "", kUsualRunFolder), ErrorDomain::qemu);
    if (const Status ready = tree_.prepare(); !ready) tell_groups_missing(ready.error().message);
    return {};
}

Result<Identity> Confinement::identity(const sdk::domain::Domain& domain) const {
    const sdk::domain::Seclabel* const label = dac_label(domain);
    if (label == nullptr || label->type != "static" || label->label.empty()) return default_;
    return identity_of_label(label->label);
}

bool Confinement::keeps_owners(const sdk::domain::Domain& domain) const {
    const sdk::domain::Seclabel* const label = dac_label(domain);
    if (!settings_.dynamic_ownership || ::geteuid() != 0) return true;
    return label != nullptr && (label->type == "none" || label->relabel == sdk::domain::YesNo::no);
}

Result<std::vector<Need>> Confinement::needs(const sdk::domain::Domain& domain) const {
    std::vector<Need> out = needs_of(domain);
    for (const auto* kind : {&domain.devices.serials, &domain.devices.parallels, &domain.devices.channels, &domain.devices.consoles})
        for (const auto& chardev : *kind) {
            PV_ASSIGN_OR_RETURN(const std::vector<Need> of_it, needs_of(chardev));
            out.insert(out.end(), of_it.begin(), of_it.end());
        }
    if (keeps_owners(domain))
        for (Need& need : out) need.keep = true;
    return out;
}

cgroup::Group Confinement::group(const sdk::domain::Domain& domain, std::int32_t id) const {
    return tree_.guest(domain.partition.empty() ? std::string_view("/machine") : std::string_view(domain.partition),
                       cgroup::group_name("qemu", id, domain.name));
}

void Confinement::describe(sdk::domain::Domain& live, const Identity& who) const {
    if (live.partition.empty() && !group(live, 1).empty()) live.partition = "/machine";
    if (dac_label(live) != nullptr) return;
    sdk::domain::Seclabel label;
    label.type = "dynamic";
    label.model = "dac";
    label.relabel = sdk::domain::YesNo::yes;
    label.label = label.imagelabel = who.label();
    live.seclabels.push_back(std::move(label));
}

void Confinement::tell_groups_missing(const std::string& why) {
    if (told_.exchange(true)) return;
    log::warning("cgroup", "guests are not, or not all, in control groups of their own, so that their limits cannot be set: {}",
                 why.empty() ? "this host has none mounted" : why);
}

} // namespace polyvirt::qemu
