// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hooks/hooks.h"

#include "base/log.h"
#include "driver.h"
#include "run.h"
#include "sdk/hooks.h"

namespace polyvirt::qemu {
namespace {

sdk::Hooks hooks_of(Driver& driver) {
    const plugin::Services& s = driver.services();
    const char* const config = s.paths->dir(s.host, PV_PATH_CONFIG);
    return {s, {.folder = sdk::hooks_folder(config != nullptr ? config : "/", "qemu"), .name = "qemu", .timeout_ns = driver.settings().hook_timeout_ns}};
}

} // namespace

bool has_hooks(Driver& driver) { return !hooks_of(driver).scripts().empty(); }

Status call_hook(Driver& driver, const sdk::domain::Domain& domain, const char* operation, const char* phase) {
    const sdk::Hooks hooks = hooks_of(driver);
    if (hooks.scripts().empty()) return {};
    return hooks.call({.object = domain.name, .operation = operation, .phase = phase, .document = format_domain(domain, {.inactive = false})});
}

void call_end_hook(Driver& driver, const sdk::domain::Domain& domain, const char* operation) {
    if (const Status called = call_hook(driver, domain, operation, "end"); !called) log::warning("hooks", "{}", called.error().message);
}

sdk::Task<Status> call_hook_of(std::shared_ptr<Run> run, const char* operation) {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(run->guest()->mu);
        live = run->guest()->live;
    }
    PV_CO_TRY(co_await sdk::on_worker(run->services(), 0));
    if (!live) co_return Status{};
    co_return call_hook(run->driver(), *live, operation, "begin");
}

Result<std::string> restore_hook(Driver& driver, std::string xml) {
    const sdk::Hooks hooks = hooks_of(driver);
    if (hooks.scripts().empty()) return xml;
    const auto parsed = sdk::domain::parse_domain(xml);
    if (!parsed) return parsed.error();
    return hooks.filter({.object = parsed->domain.name, .operation = "restore", .document = std::move(xml)});
}

} // namespace polyvirt::qemu
