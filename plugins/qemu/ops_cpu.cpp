// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.hv.caps: processors, their models, what they have in common.

#include "base/error_text.h"
#include "cpu/offer.h"
#include "sdk/host/processor.h"
#include "driver.h"
#include "sdk/cpu/named_models.h"
#include "sdk/cpu/x86_guest.h"

namespace polyvirt::qemu {
namespace {

namespace cpu = sdk::cpu;

constexpr std::uint32_t kBaselineFlags = PV_CONNECT_BASELINE_CPU_EXPAND_FEATURES | PV_CONNECT_BASELINE_CPU_MIGRATABLE;
constexpr std::uint32_t kCompareFlags = PV_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE | PV_CONNECT_COMPARE_CPU_VALIDATE_XML;

Result<std::vector<cpu::Description>> read_all(const char* const* xmls, std::uint32_t count, cpu::Kind kind) {
    const std::vector<std::string_view> texts(xmls, xmls + count);
    return cpu::parse_descriptions(texts, kind);
}

// Of processors that are not a hypervisor's: any that are known.
Result<sdk::domain::Cpu> plain_baseline(const std::vector<cpu::Description>& all, std::uint32_t flags) {
    const std::string& arch = all.front().arch;
    if (!arch.empty() && !is_x86(arch)) return cpu::named_baseline(arch, all);
    PV_ASSIGN_OR_RETURN(sdk::domain::Cpu base, cpu::baseline(all, {.migratable = (flags & PV_CONNECT_BASELINE_CPU_MIGRATABLE) != 0}));
    if ((flags & PV_CONNECT_BASELINE_CPU_EXPAND_FEATURES) == 0) return base;
    return cpu::expand(std::move(base));
}

Result<std::int32_t> compare(const cpu::X86Host& host, const char* xml, std::uint32_t flags) {
    const auto how = (flags & PV_CONNECT_COMPARE_CPU_VALIDATE_XML) != 0 ? cpu::Unknown::refused : cpu::Unknown::accepted;
    PV_ASSIGN_OR_RETURN(const cpu::Description wanted, cpu::parse_description(xml, cpu::Kind::either, how));
    PV_ASSIGN_OR_RETURN(const cpu::Verdict verdict, cpu::compare(host, wanted));
    if (verdict.result == cpu::Comparison::incompatible && (flags & PV_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE) != 0)
        return make_error_text(ErrorCode::cpu_incompatible, ErrorDomain::cpu, verdict.why);
    return static_cast<std::int32_t>(verdict.result);
}

} // namespace

pv_status Driver::cpu_model_names(pv_call* call, const pv_obj*, const pv_hv_cpu_model_names_in& in, pv_hv_cpu_model_names_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuConnectGetCPUModelNames"); !flags) return answer(call, flags);
    const auto names = cpu::model_names(in.arch);
    if (!names) return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "cannot find architecture {}", in.arch));
    for (const std::string_view name : *names) s_.build->add_string(out.models, std::string(name).c_str());
    return PV_OK;
}

pv_status Driver::baseline_cpu(pv_call* call, const pv_obj*, const pv_hv_baseline_cpu_in& in, pv_hv_baseline_cpu_out& out) {
    if (const Status flags = check_flags(in.flags, kBaselineFlags, "qemuConnectBaselineCPU"); !flags) return answer(call, flags);
    const auto all = read_all(in.xmls, in.nxmls, cpu::Kind::host);
    if (!all) return answer(call, all.error());
    const auto base = plain_baseline(*all, in.flags);
    if (!base) return answer(call, base.error());
    return give(call, out.cpu, cpu::format_cpu(*base));
}

pv_status Driver::baseline_hypervisor_cpu(pv_call* call, const pv_obj*, const pv_hv_baseline_hypervisor_cpu_in& in,
                                          pv_hv_baseline_hypervisor_cpu_out& out) {
    if (const Status flags = check_flags(in.flags, kBaselineFlags, "qemuConnectBaselineHypervisorCPU"); !flags) return answer(call, flags);
    const auto target = find_target({in.emulator, in.arch, in.machine, in.virt_type});
    if (!target) return answer(call, target.error());
    if (!is_x86(target->emulator->arch))
        return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "computing baseline hypervisor CPU is not supported for arch {}",
                                       target->emulator->arch));
    const auto all = read_all(in.xmls, in.nxmls, cpu::Kind::either);
    if (!all) return answer(call, all.error());
    const CpuOffer& offer = target->emulator->cpus(target->type);
    const cpu::X86Offers models = models_of(offer);
    // As far as the emulator has names for it: what it can give here shows in the models' missing features.
    const cpu::FeatureSet available = known_to(offer);
    auto base = cpu::baseline(*all, {.offers = &models, .available = &available, .migratable = (in.flags & PV_CONNECT_BASELINE_CPU_MIGRATABLE) != 0});
    if (base && (in.flags & PV_CONNECT_BASELINE_CPU_EXPAND_FEATURES) != 0) base = cpu::expand(std::move(*base));
    if (!base) return answer(call, base.error());
    base->model->fallback = "forbid"; // the model is one of the emulator's
    return give(call, out.cpu, cpu::format_cpu(*base));
}

pv_status Driver::compare_cpu(pv_call* call, const pv_obj*, const pv_hv_compare_cpu_in& in, pv_hv_compare_cpu_out& out) {
    if (const Status flags = check_flags(in.flags, kCompareFlags, "qemuConnectCompareCPU"); !flags) return answer(call, flags);
    const cpu::X86Data processor = sdk::read_processor();
    if (processor.features.none())
        return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "cannot compare CPUs of this host's architecture"));
    const auto result = compare({cpu::usable_features(processor), processor.vendor}, in.xml, in.flags);
    if (!result) return answer(call, result.error());
    out.result = *result;
    return PV_OK;
}

pv_status Driver::compare_hypervisor_cpu(pv_call* call, const pv_obj*, const pv_hv_compare_hypervisor_cpu_in& in,
                                         pv_hv_compare_hypervisor_cpu_out& out) {
    if (const Status flags = check_flags(in.flags, kCompareFlags, "qemuConnectCompareHypervisorCPU"); !flags) return answer(call, flags);
    const auto target = find_target({in.emulator, in.arch, in.machine, in.virt_type});
    if (!target) return answer(call, target.error());
    const CpuOffer& offer = target->emulator->cpus(target->type);
    if (!is_x86(target->emulator->arch) || offer.features.empty())
        return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "comparing hypervisor CPU is not supported for arch {}",
                                       target->emulator->arch));
    const cpu::X86Data richest = data_of(offer);
    const auto result = compare({richest.features, richest.vendor}, in.xml, in.flags);
    if (!result) return answer(call, result.error());
    out.result = *result;
    return PV_OK;
}

} // namespace polyvirt::qemu
