// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.hv.caps: what host and emulators can do.

#include "base/error_text.h"
#include "capabilities/documents.h"
#include "command/command.h"
#include "driver.h"
#include "firmware/choose.h"
#include "launch/volumes.h"
#include "run.h"
#include "sdk/guests/host_uuid.h"

namespace polyvirt::qemu {
namespace {

std::string text_or(const char* text, std::string_view otherwise) {
    return text != nullptr && *text != '\0' ? text : std::string(otherwise);
}

} // namespace

pv_status Driver::type(pv_call* call, const pv_obj*, const pv_hv_type_in&, pv_hv_type_out& out) {
    return give(call, out.type, "QEMU");
}

pv_status Driver::version(pv_call* call, const pv_obj*, const pv_hv_version_in&, pv_hv_version_out& out) {
    const std::vector<std::string> archs = Emulators::architectures();
    if (archs.empty())
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Cannot find suitable emulator for {}",
                                       "x86_64"));
    const auto emulator = emulators_.get(Emulators::path_of(archs.front()));
    if (!emulator) return answer(call, emulator.error());
    out.version = (*emulator)->version;
    return PV_OK;
}

pv_status Driver::capabilities(pv_call* call, const pv_obj*, const pv_hv_capabilities_in&, pv_hv_capabilities_out& out) {
    std::vector<EmulatorPtr> emulators;
    for (const std::string& arch : Emulators::architectures()) {
        const auto emulator = emulators_.get(Emulators::path_of(arch));
        if (emulator) emulators.push_back(*emulator);
        else log::warning("capabilities", "{}", emulator.error().message);
    }
    const sdk::Records data(s_, PV_STATE_DATA, ErrorDomain::qemu);
    HostFacts host = read_host_facts(sdk::own_host_uuid(data));
    host.dac_label = confinement_.default_label();
    return give(call, out.xml, format_capabilities(host, emulators));
}

Result<Driver::Target> Driver::find_target(const TargetNames& names) {
    const auto invalid = [](const std::string& what) { return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "{}", what); };
    const std::string virt_type = text_or(names.virt_type, ""), arch = text_or(names.arch, "");
    if (!virt_type.empty() && virt_type != "qemu" && virt_type != "kvm") return invalid("unknown virttype: " + virt_type);
    std::string path = text_or(names.emulator, "");
    if (path.empty()) path = Emulators::path_of(arch.empty() ? "x86_64" : arch);
    if (path.empty()) return invalid(fmt::format("unable to find any emulator to serve '{}' architecture", arch.empty() ? "x86_64" : arch));
    PV_ASSIGN_OR_RETURN(const EmulatorPtr emulator, emulators_.get(path));
    if (!arch.empty() && emulator->arch != arch)
        return invalid(fmt::format("architecture from emulator '{}' doesn't match given architecture '{}'", emulator->arch, arch));
    const std::string type = virt_type.empty() ? (emulator->kvm ? "kvm" : "qemu") : virt_type;
    if (type == "kvm" && !emulator->kvm) return invalid(fmt::format("KVM is not supported by '{}' on this host", path));
    const std::string wanted = text_or(names.machine, "");
    const Machine* machine = wanted.empty() ? emulator->default_machine() : emulator->machine(wanted);
    if (machine == nullptr) return invalid(fmt::format("the machine '{}' is not supported by emulator '{}'", wanted, path));
    return Target{emulator, machine, type};
}

pv_status Driver::domain_capabilities(pv_call* call, const pv_obj*, const pv_hv_domain_capabilities_in& in,
                                      pv_hv_domain_capabilities_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuConnectGetDomainCapabilities"); !flags) return answer(call, flags);
    const auto target = find_target({in.emulator, in.arch, in.machine, in.virt_type});
    if (!target) return answer(call, target.error());
    const Emulator& e = *target->emulator;
    return give(call, out.xml, format_domain_capabilities(e, *target->machine, target->type, read_host_offer(e.arch, target->machine->name)));
}

pv_status Driver::domain_xml_to_native(pv_call* call, const pv_obj*, const pv_hv_domain_xml_to_native_in& in,
                                       pv_hv_domain_xml_to_native_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuConnectDomainXMLToNative"); !flags) return answer(call, flags);
    if (std::string_view(in.format) != "qemu-argv")
        return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "unsupported config type {}", in.format));
    auto parsed = parse(in.xml);
    if (!parsed) return answer(call, parsed.error());
    Domain domain = *std::move(parsed);
    if (const Status done = find_volumes(s_, call, domain); !done) return answer(call, done);
    if (const Status done = choose_firmware(domain, read_descriptors(descriptor_folders()), nvram_folder()); !done)
        return answer(call, done);
    if (const Status done = settle_cpu(domain); !done) return answer(call, done);
    if (const Status done = sketch(domain); !done) return answer(call, done);
    sdk::domain::assign_aliases(domain);
    // The folder of a guest that has no id, since it doesn't run.
    const auto folder = guest_folder(s_, -1, domain.name);
    if (!folder) return answer(call, folder.error());
    CommandContext context;
    const HostResources host = host_resources();
    context.host = &host;
    context.state = s_.paths->dir(s_.host, PV_PATH_STATE);
    context.folder = *folder;
    context.sketch = true;
    context.master_key = *folder + "/master-key.aes";
    context.kvm = domain.type == "kvm";
    auto line = build_command(domain, context);
    if (!line) return answer(call, line.error());
    const auto environment = emulator_environment(*folder);
    line->env.insert(line->env.begin(), environment.begin(), environment.end());
    return give(call, out.config, line->to_string());
}

pv_status Driver::max_vcpus(pv_call* call, const pv_obj*, const pv_hv_max_vcpus_in& in, pv_hv_max_vcpus_out& out) {
    const std::string type = text_or(in.type, "qemu");
    if (type == "qemu") {
        out.max_vcpus = 16; // what the peer says: the threads of an emulated guest are the host's to bear
        return PV_OK;
    }
    if (type == "kvm") {
        const auto emulator = emulators_.get(Emulators::path_of("x86_64"));
        if (!emulator) return answer(call, emulator.error());
        const Machine* machine = (*emulator)->default_machine();
        out.max_vcpus = machine != nullptr ? static_cast<std::int32_t>(machine->max_cpus) : 1;
        return PV_OK;
    }
    return answer(call, make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "unknown type '{}'", type));
}

pv_status Driver::security_model(pv_call* call, const pv_obj*, const pv_hv_security_model_in&, pv_hv_security_model_out& out) {
    // The first: of mandatory access control, of which there is none. Emulators' users are the second.
    const pv_status model = give(call, out.model, "none");
    return model != PV_OK ? model : give(call, out.doi, "0");
}

} // namespace polyvirt::qemu
