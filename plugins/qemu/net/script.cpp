// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net/script.h"

#include <cerrno>

#include <polyvirt/process.h>
#include <sys/wait.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Interface;
using sdk::domain::InterfaceType;

Status run_script(Driver& driver, pv_call* call, const std::string& script, const std::string& device) {
    if (script.front() != '/') return make_system_error(ENOENT, ErrorDomain::none, fmt::format("Cannot find '{}' in path", script));
    const plugin::Command command({script, device});
    PV_ASSIGN_OR_RETURN(plugin::ProgramResult end, plugin::run_program(driver.services(), call, command, driver.settings().hook_timeout_ns));
    if (end.wait_status == 0) return {};
    const bool exited = WIFEXITED(end.wait_status);
    return make_error(ErrorCode::internal_error, ErrorDomain::none, "Child process ({} {}) unexpected {} {}: {}", script, device,
                      exited ? "exit status" : "fatal signal", exited ? WEXITSTATUS(end.wait_status) : WTERMSIG(end.wait_status), end.err);
}

} // namespace

Status bring_up(Driver& driver, pv_call* call, const Interface& i) {
    if (i.type != InterfaceType::ethernet || i.script.empty()) return {};
    return run_script(driver, call, i.script, i.target.dev);
}

void take_down(Driver& driver, const std::string& domain, const Interface& i) {
    if (i.type != InterfaceType::ethernet || i.downscript.empty() || i.target.dev.empty()) return;
    if (const Status ran = run_script(driver, nullptr, i.downscript, i.target.dev); !ran)
        log::warning("net", "domain '{}': interface '{}': {}", domain, i.target.dev, ran.error().message);
}

} // namespace polyvirt::qemu
