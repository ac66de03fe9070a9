// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "documents/settle.h"

#include "base/error_text.h"
#include "sdk/domain/passes.h"
#include "sdk/domain/passes/defaults.h"

#include <sys/utsname.h>

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;

Error unsupported(std::string_view text) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "{}", text);
}

std::string host_arch() {
    utsname name{};
    return ::uname(&name) == 0 ? name.machine : "x86_64";
}

// Lines to the container itself; others are as for every hypervisor.
void complete_consoles(Domain& d) {
    std::uint32_t port = 0;
    for (Chardev& c : d.devices.consoles) {
        if (c.target.type.empty() || c.target.type == "serial") c.target.type = "lxc";
        if (!c.target.port) c.target.port = port;
        port = *c.target.port + 1;
    }
}

// Sizes of file systems in memory are kept in KiB.
void complete_filesystems(Domain& d) {
    for (Filesystem& f : d.devices.filesystems) {
        if (!f.source.usage) continue;
        const std::uint64_t unit = f.source.units.empty() ? 1024 : sdk::xml::unit_factor(f.source.units);
        f.source.usage = *f.source.usage * unit / 1024;
        f.source.units = "KiB";
    }
}

} // namespace

Status check_type(const Domain& d) {
    if (d.type != "lxc") return unsupported(fmt::format("unexpected domain type '{}', expected 'lxc'", d.type));
    if (d.os.type.type != "exe")
        return unsupported(fmt::format("could not find capabilities for ostype={} ", d.os.type.type));
    return {};
}

Status complete(Domain& d) {
    PV_TRY(sdk::domain::validate(d));
    PV_TRY(check_filesystem_targets(d));
    if (d.os.init.empty()) d.os.init = "/sbin/init";
    if (d.devices.emulator.empty()) d.devices.emulator = kEmulator;
    HostContext context;
    context.arch = host_arch();
    PV_TRY(default_tuning(d));
    for (Graphics& g : d.devices.graphics) default_graphics(g);
    PV_TRY(apply_neutral_defaults(d, context));
    default_extras(d);
    default_sources(d);
    complete_consoles(d);
    complete_filesystems(d);
    return {};
}

} // namespace polyvirt::lxc
