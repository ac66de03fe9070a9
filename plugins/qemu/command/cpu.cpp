// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// -cpu: model, features, enlightenments.

#include <algorithm>

#include "command/builder.h"
#include "sdk/cpu/x86.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

bool is_on(const std::optional<SwitchState>& s) { return s && s->state != OnOff::off; }

void add_timers(const Domain& d, std::string& cpu) {
    if (!d.clock) return;
    for (const Timer& t : d.clock->timers) {
        if (t.name == "kvmclock" && t.present != YesNo::unset) cpu += fmt::format(",kvmclock={}", on_off(t.present == YesNo::yes));
        if (t.name == "hypervclock" && t.present == YesNo::yes) cpu += ",hv-time=on";
        if (t.name == "tsc" && t.frequency) cpu += fmt::format(",tsc-frequency={}", *t.frequency);
    }
}

void add_hyperv(const Hyperv& h, std::string& cpu) {
    if (h.mode == "passthrough") {
        cpu += ",hv-passthrough=on";
        return;
    }
    const auto add = [&](const char* option, const std::optional<SwitchState>& s) {
        if (is_on(s)) cpu += fmt::format(",{}=on", option);
    };
    add("hv-relaxed", h.relaxed);
    add("hv-vapic", h.vapic);
    if (h.spinlocks && h.spinlocks->state != OnOff::off && h.spinlocks->retries)
        cpu += fmt::format(",hv-spinlocks={:#x}", *h.spinlocks->retries);
    add("hv-vpindex", h.vpindex);
    add("hv-runtime", h.runtime);
    add("hv-synic", h.synic);
    if (h.stimer && h.stimer->state != OnOff::off) {
        cpu += ",hv-stimer=on";
        if (is_on(h.stimer->direct)) cpu += ",hv-stimer-direct=on";
    }
    add("hv-reset", h.reset);
    if (h.vendor_id && h.vendor_id->state != OnOff::off && !h.vendor_id->value.empty())
        cpu += ",hv-vendor-id=" + h.vendor_id->value;
    add("hv-frequencies", h.frequencies);
    add("hv-reenlightenment", h.reenlightenment);
    add("hv-tlbflush", h.tlbflush);
    add("hv-ipi", h.ipi);
    add("hv-evmcs", h.evmcs);
    add("hv-avic", h.avic);
}

void add_kvm(const Kvm& k, std::string& cpu) {
    if (is_on(k.hidden)) cpu += ",kvm=off";
    if (is_on(k.hint_dedicated)) cpu += ",kvm-hint-dedicated=on";
    if (is_on(k.poll_control)) cpu += ",kvm-poll-control=on";
    if (k.pv_ipi && k.pv_ipi->state == OnOff::off) cpu += ",kvm-pv-ipi=off";
}

Result<std::string> model_of(const Builder& b, const Cpu& cpu) {
    switch (cpu.mode) {
    case CpuMode::host_passthrough:
        if (!b.context.kvm)
            return Builder::unsupported("CPU mode 'host-passthrough' for {} {} domain on {} host is not supported by hypervisor",
                                        b.domain.os.type.arch, b.domain.type, b.domain.os.type.arch);
        return std::string("host") + (cpu.migratable == OnOff::unset ? "" : fmt::format(",migratable={}", on_off(cpu.migratable == OnOff::on)));
    // Of an architecture that sdk/cpu knows it is a model by now; of others, what the emulator can do is its maximum.
    case CpuMode::host_model: return std::string(b.context.kvm ? "host" : "max");
    case CpuMode::maximum:
        return std::string("max") + (cpu.migratable == OnOff::unset ? "" : fmt::format(",migratable={}", on_off(cpu.migratable == OnOff::on)));
    default: return cpu.model ? cpu.model->name : std::string();
    }
}

} // namespace

Status add_cpu(Builder& b) {
    const Domain& d = b.domain;
    std::string text;
    if (d.cpu) {
        const Cpu& cpu = *d.cpu;
        PV_ASSIGN_OR_RETURN(text, model_of(b, cpu));
        if (!text.empty() && cpu.model && !cpu.model->vendor_id.empty()) text += ",vendor=" + cpu.model->vendor_id;
        if (!text.empty()) {
            for (const CpuFeature& f : cpu.features) {
                if (f.policy == CpuPolicy::optional) continue; // the emulator knows best
                const bool on = f.policy != CpuPolicy::disable && f.policy != CpuPolicy::forbid;
                text += fmt::format(",{}={}", sdk::cpu::emulator_name(f.name), on_off(on));
            }
        }
    }
    const std::size_t bare = text.size();
    add_timers(d, text);
    if (d.features.apic && d.features.apic->eoi != OnOff::unset)
        text += fmt::format(",kvm-pv-eoi={}", on_off(d.features.apic->eoi == OnOff::on));
    if (d.features.pvspinlock) text += fmt::format(",kvm-pv-unhalt={}", on_off(d.features.pvspinlock->state == OnOff::on));
    if (d.features.hyperv) add_hyperv(*d.features.hyperv, text);
    const auto& panics = d.devices.panics;
    if (std::any_of(panics.begin(), panics.end(), [](const Panic& p) { return p.model == "hyperv"; })) text += ",hv-crash";
    if (d.features.kvm) add_kvm(*d.features.kvm, text);
    if (d.features.pmu) text += fmt::format(",pmu={}", on_off(d.features.pmu->state == OnOff::on));
    if (d.cpu && d.cpu->cache) {
        const std::string& mode = d.cpu->cache->mode;
        const bool emulate = mode == "emulate", pass = mode == "passthrough";
        const bool whole = d.cpu->mode == CpuMode::host_passthrough || d.cpu->mode == CpuMode::maximum;
        if (pass || whole) text += fmt::format(",host-cache-info={}", on_off(pass)); // other models never tell the host's
        text += fmt::format(",l3-cache={}", on_off(emulate));
    }
    if (d.cpu && d.cpu->max_phys_addr) {
        if (d.cpu->max_phys_addr->mode == "passthrough") text += ",host-phys-bits=on";
        else if (d.cpu->max_phys_addr->bits) text += fmt::format(",phys-bits={}", *d.cpu->max_phys_addr->bits);
    }
    if (text.empty()) return {};
    if (bare == 0) text.insert(0, d.os.type.arch == "i686" ? "qemu32" : "qemu64");
    b.arg("-cpu", text);
    return {};
}

} // namespace polyvirt::qemu
