// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ops/host_ops.h"

#include <charconv>

#include <sys/utsname.h>

#include "base/error_text.h"
#include "base/log.h"
#include "documents/settle.h"
#include "driver.h"
#include "native/from_native.h"
#include "sdk/guests/host_uuid.h"
#include "sdk/host/host_facts.h"

namespace polyvirt::lxc {
namespace {

void format_guest(sdk::xml::Writer& w, std::string_view arch, std::string_view wordsize) {
    w.open("guest");
    w.open("os_type");
    w.text("exe");
    w.close();
    w.open("arch");
    w.attribute("name", arch);
    w.open("wordsize");
    w.text(wordsize);
    w.close();
    w.open("emulator");
    w.text(kEmulator);
    w.close();
    w.open("domain");
    w.attribute("type", "lxc");
    for (int i = 0; i < 3; ++i) w.close();
}

} // namespace

pv_status HostOps::type(pv_call* call, const pv_obj*, const pv_hv_type_in&, pv_hv_type_out& out) {
    return give(call, out.type, "LXC");
}

// Containers are the kernel's.
pv_status HostOps::version(pv_call* call, const pv_obj*, const pv_hv_version_in&, pv_hv_version_out& out) {
    utsname name{};
    if (::uname(&name) != 0)
        return answer(call, make_system_error(errno, ErrorDomain::lxc, "cannot read the kernel's version"));
    std::uint64_t parts[3] = {};
    const char* at = name.release;
    const char* const end = at + std::string_view(name.release).size();
    for (std::uint64_t& part : parts) {
        const auto [next, error] = std::from_chars(at, end, part);
        if (error != std::errc() || next == end || *next != '.') break;
        at = next + 1;
    }
    out.version = parts[0] * 1'000'000 + parts[1] * 1'000 + parts[2];
    return PV_OK;
}

pv_status HostOps::capabilities(pv_call* call, const pv_obj*, const pv_hv_capabilities_in&,
                                pv_hv_capabilities_out& out) {
    const sdk::HostFacts host = sdk::read_host_facts(sdk::own_host_uuid(sdk::Records(s_, PV_STATE_DATA, ErrorDomain::lxc)));
    sdk::xml::Writer w;
    w.open("capabilities");
    sdk::format_host(w, host, {.processor = false, .live_migration = false});
    format_guest(w, host.arch, host.arch.find("64") != std::string::npos || host.arch == "s390x" ? "64" : "32");
    if (host.arch == "x86_64") format_guest(w, "i686", "32");
    w.close();
    return give(call, out.xml, w.take());
}

pv_status HostOps::security_model(pv_call* call, const pv_obj*, const pv_hv_security_model_in&,
                                  pv_hv_security_model_out& out) {
    const pv_status model = give(call, out.model, "none");
    return model != PV_OK ? model : give(call, out.doi, "0");
}

pv_status HostOps::domain_xml_from_native(pv_call* call, const pv_obj*, const pv_hv_domain_xml_from_native_in& in,
                                          pv_hv_domain_xml_from_native_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "lxcConnectDomainXMLFromNative"); !flags)
        return answer(call, flags);
    if (std::string_view(in.format) != "lxc-tools")
        return answer(call,
                      make_error(ErrorCode::invalid_arg, ErrorDomain::lxc, "unsupported config type {}", in.format));
    const auto domain = from_native(in.config);
    if (!domain) return answer(call, domain.error());
    return give(call, out.xml, format_domain(*domain, {.inactive = true}));
}

} // namespace polyvirt::lxc
