// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.hv.caps: what the imaginary host can do.

#include <algorithm>
#include <iterator>
#include <tuple>
#include <vector>

#include <polyvirt/abi/gen/constants.h>

#include "capabilities.h"
#include "op.h"
#include "sdk/xml/reader.h"
#include "sdk/xml/writer.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

constexpr std::int32_t kVcpusAtMost = 32;
constexpr const char* kEmulator = "/usr/bin/test-hv";

// Of a processor as a document describes it: its model, what it adds, what it must not have.
struct CpuWords {
    std::string arch, model;
    std::vector<std::string> features;
};
Result<CpuWords> read_cpu(const char* xml) {
    PV_ASSIGN_OR_RETURN(const sdk::xml::Node root, sdk::xml::read(xml, "cpu description"));
    const sdk::xml::Node* cpu = root.name == "cpu" ? &root : nullptr;
    if (root.name == "capabilities")
        if (const auto* host = root.child("host")) cpu = host->child("cpu");
    if (cpu == nullptr) return make_error(ErrorCode::xml_error, ErrorDomain::test, "line {}: found <{}>, expected <cpu>", root.line, root.name);
    CpuWords words;
    if (const auto* arch = cpu->child("arch")) words.arch = arch->text();
    const auto* model = cpu->child("model");
    if (model == nullptr || model->text().empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::test, "line {}: <cpu> names no <model>", cpu->line);
    words.model = model->text();
    if (!is_cpu_model(words.model)) return make_error(ErrorCode::config_unsupported, ErrorDomain::test, "Unknown CPU model {}", words.model);
    for (const auto& child : cpu->children)
        if (child.is_element() && child.name == "feature")
            if (const std::string* name = child.attribute("name")) words.features.push_back(*name);
    std::sort(words.features.begin(), words.features.end());
    return words;
}

class Caps : public Ops {
  public:
    using Ops::Ops;

    pv_status type(pv_call*, const pv_obj*, const pv_hv_type_in&, pv_hv_type_out& out) {
        return put(out.type, "TEST");
    }
    pv_status version(pv_call*, const pv_obj*, const pv_hv_version_in&, pv_hv_version_out& out) {
        out.version = 2; // 0.0.2
        return PV_OK;
    }
    pv_status capabilities(pv_call*, const pv_obj*, const pv_hv_capabilities_in&, pv_hv_capabilities_out& out) {
        return put(out.xml, format_capabilities());
    }
    pv_status domain_capabilities(pv_call* call, const pv_obj*, const pv_hv_domain_capabilities_in& in, pv_hv_domain_capabilities_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testConnectGetDomainCapabilities"); !flags) return answer(call, flags);
        if (const Status mine = check_machine(in); !mine) return answer(call, mine);
        return put(out.xml, format_domain_capabilities(kEmulator, kVcpusAtMost));
    }
    pv_status max_vcpus(pv_call*, const pv_obj*, const pv_hv_max_vcpus_in&, pv_hv_max_vcpus_out& out) {
        out.max_vcpus = kVcpusAtMost;
        return PV_OK;
    }
    pv_status sysinfo(pv_call* call, const pv_obj*, const pv_hv_sysinfo_in& in, pv_hv_sysinfo_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testConnectGetSysinfo"); !flags) return answer(call, flags);
        return put(out.xml, format_sysinfo());
    }
    pv_status cpu_model_names(pv_call* call, const pv_obj*, const pv_hv_cpu_model_names_in& in, pv_hv_cpu_model_names_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testConnectGetCPUModelNames"); !flags) return answer(call, flags);
        const std::string_view arch = in.arch;
        if (arch != "x86_64" && arch != "i686")
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "cannot find architecture {}", arch));
        for (const std::string_view model : cpu_models()) s_.build->add_string(out.models, std::string(model).c_str());
        return PV_OK;
    }
    pv_status compare_cpu(pv_call* call, const pv_obj*, const pv_hv_compare_cpu_in& in, pv_hv_compare_cpu_out& out) {
        return compare(call, in.xml, in.flags, "testConnectCompareCPU", out.result);
    }
    pv_status baseline_cpu(pv_call* call, const pv_obj*, const pv_hv_baseline_cpu_in& in, pv_hv_baseline_cpu_out& out) {
        return baseline(call, in.xmls, in.nxmls, in.flags, "testConnectBaselineCPU", out.cpu);
    }
    // The hypervisor offers what its processor is.
    pv_status compare_hypervisor_cpu(pv_call* call, const pv_obj*, const pv_hv_compare_hypervisor_cpu_in& in, pv_hv_compare_hypervisor_cpu_out& out) {
        if (const Status mine = check_machine(in); !mine) return answer(call, mine);
        return compare(call, in.xml, in.flags, "testConnectCompareHypervisorCPU", out.result);
    }
    pv_status baseline_hypervisor_cpu(pv_call* call, const pv_obj*, const pv_hv_baseline_hypervisor_cpu_in& in, pv_hv_baseline_hypervisor_cpu_out& out) {
        if (const Status mine = check_machine(in); !mine) return answer(call, mine);
        return baseline(call, in.xmls, in.nxmls, in.flags, "testConnectBaselineHypervisorCPU", out.cpu);
    }
    pv_status security_model(pv_call*, const pv_obj*, const pv_hv_security_model_in&, pv_hv_security_model_out& out) {
        return put(out.model, "testSecurity") == PV_OK ? put(out.doi, "") : PV_FAIL;
    }

  private:
    // What a caller names of the machine, if it names it, has to be what there is.
    template <typename In> static Status check_machine(const In& in) {
        const std::tuple<const char*, const char*, const char*> rows[] = {
            {"domain type", in.virt_type, "test"}, {"emulator", in.emulator, kEmulator}, {"architecture", in.arch, "i686"}};
        for (const auto& [what, found, expected] : rows)
            if (found != nullptr && std::string_view(found) != expected)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found {} '{}', expected '{}'", what, found, expected);
        return {};
    }

    // The imaginary processor is the newest of the list without any feature of its own.
    pv_status compare(pv_call* call, const char* xml, std::uint32_t flags, const char* function, std::int32_t& result) const {
        constexpr std::uint32_t kKnown = PV_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE | PV_CONNECT_COMPARE_CPU_VALIDATE_XML;
        if (const Status right = check_flags(flags, kKnown, function); !right) return answer(call, right);
        const auto cpu = read_cpu(xml);
        if (!cpu) return fail(call, cpu.error());
        const bool mine = cpu->features.empty();
        result = mine ? PV_CPU_COMPARE_SUPERSET : PV_CPU_COMPARE_INCOMPATIBLE;
        if (mine || (flags & PV_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE) == 0) return PV_OK;
        return fail(call, make_error(ErrorCode::cpu_incompatible, ErrorDomain::test, "the host has no feature '{}'", cpu->features.front()));
    }

    pv_status baseline(pv_call* call, const char* const* xmls, std::uint32_t count, std::uint32_t flags, const char* function, pv_sink* to) const {
        constexpr std::uint32_t kKnown = PV_CONNECT_BASELINE_CPU_EXPAND_FEATURES | PV_CONNECT_BASELINE_CPU_MIGRATABLE;
        if (const Status right = check_flags(flags, kKnown, function); !right) return answer(call, right);
        if (count == 0) return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "no CPU is given"));
        std::vector<CpuWords> cpus;
        for (std::uint32_t i = 0; i < count; ++i) {
            auto cpu = read_cpu(xmls[i]);
            if (!cpu) return fail(call, cpu.error());
            cpus.push_back(*std::move(cpu));
        }
        return put(to, format_cpu(common(cpus)));
    }
    // The oldest model among those given, with the features that all have.
    static CpuWords common(const std::vector<CpuWords>& cpus) {
        CpuWords base = cpus.front();
        for (const CpuWords& cpu : cpus) {
            if (cpu_model_age(cpu.model) < cpu_model_age(base.model)) base.model = cpu.model;
            std::vector<std::string> both;
            std::set_intersection(base.features.begin(), base.features.end(), cpu.features.begin(), cpu.features.end(), std::back_inserter(both));
            base.features = std::move(both);
        }
        return base;
    }
    static std::string format_cpu(const CpuWords& cpu) {
        sdk::xml::Writer w;
        w.open("cpu");
        w.attribute("mode", "custom");
        w.attribute("match", "exact");
        w.open("model");
        w.attribute("fallback", "forbid");
        w.text(cpu.model);
        w.close();
        for (const std::string& feature : cpu.features) {
            w.open("feature");
            w.attribute("policy", "require");
            w.attribute("name", feature);
            w.close();
        }
        w.close();
        return w.take();
    }
};

} // namespace

const void* hv_caps_table() {
    static const auto table = make_table<pv_hv_caps>([](auto& t) {
        t.type = op<"host.type", &Caps::type>;
        t.version = op<"host.version", &Caps::version>;
        t.capabilities = op<"host.capabilities", &Caps::capabilities>;
        t.domain_capabilities = op<"host.domain_capabilities", &Caps::domain_capabilities>;
        t.max_vcpus = op<"host.max_vcpus", &Caps::max_vcpus>;
        t.sysinfo = op<"host.sysinfo", &Caps::sysinfo>;
        t.cpu_model_names = op<"host.cpu_model_names", &Caps::cpu_model_names>;
        t.compare_cpu = op<"host.compare_cpu", &Caps::compare_cpu>;
        t.baseline_cpu = op<"host.baseline_cpu", &Caps::baseline_cpu>;
        t.compare_hypervisor_cpu = op<"host.compare_hypervisor_cpu", &Caps::compare_hypervisor_cpu>;
        t.baseline_hypervisor_cpu = op<"host.baseline_hypervisor_cpu", &Caps::baseline_hypervisor_cpu>;
        t.security_model = op<"host.security_model", &Caps::security_model>;
    });
    return &table;
}

} // namespace polyvirt::test
