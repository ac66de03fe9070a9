// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "devices/intent.h"

#include <utility>

#include "base/log.h"
#include "monitor/json.h"
#include "net/port.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;

// The one of that name as the description has it; nothing: it has none.
std::shared_ptr<dom::Device> device_of(const Domain& domain, const std::string& alias) {
    const auto ref = dom::find_alias(domain.devices, alias);
    return ref ? std::make_shared<dom::Device>(dom::device_at(domain.devices, *ref)) : nullptr;
}

// Into the live document, unless it is there.
void take(Driver& driver, Guest& guest, const dom::Device& device) PV_REQUIRES(guest.mu) {
    const std::string& alias = device.info()->alias.name;
    if (!guest.live || dom::find_alias(guest.live->devices, alias)) return;
    driver.edit_live(guest, [&](Domain& live) { dom::insert_device(live, device); });
    pv_event_domain_device_added payload{};
    payload.size = sizeof payload;
    payload.dev_alias = alias.c_str();
    driver.post_event(guest, PV_EVENT_DOMAIN_DEVICE_ADDED, &payload);
}

// What had been begun of it goes, the last first; what had not is refused by the emulator, and that is well.
sdk::Task<Status> clear_away(RunPtr run, Json undo) {
    for (auto step = undo.rbegin(); step != undo.rend(); ++step) {
        const std::string command = text_of(*step, "command");
        Json arguments = step->value("arguments", Json::object());
        if (!command.empty()) (void)co_await run->qmp(command, std::move(arguments));
    }
    co_return Status{};
}

} // namespace

Json attach_intent(const Domain& live, const AttachPlan& plan) {
    Domain after = live;
    Json controllers = Json::array(), undo = Json::array();
    for (const dom::Device& c : plan.controllers) {
        dom::insert_device(after, c);
        controllers.push_back(c.info()->alias.name);
    }
    dom::insert_device(after, plan.device);
    for (const Plug& plug : plan.plugs) {
        for (const PlugStep& step : plug.steps) {
            for (const std::string& name : step.descriptors) undo.push_back({{"command", "closefd"}, {"arguments", {{"fdname", name}}}});
            // A controller that came is kept: whoever plugs the device in again finds it.
            if (!step.undo.empty() && step.undo != "device_del") undo.push_back({{"command", step.undo}, {"arguments", step.undo_arguments}});
        }
    }
    return {{"alias", plan.device.info()->alias.name},
            {"controllers", std::move(controllers)},
            {"xml", format_domain(after, {.inactive = false, .secure = true})},
            {"undo", std::move(undo)}};
}

sdk::Task<Status> finish_cut_attach(GuestPtr guest, RunPtr run, std::set<std::string> there) {
    Driver& driver = run->driver();
    Json intent;
    {
        const ObjectLock lock(guest->mu);
        intent = guest->attaching;
    }
    if (!intent.is_object()) co_return Status{};
    const std::string alias = text_of(intent, "alias");
    const auto after = dom::parse_domain(text_of(intent, "xml"), {.inactive = false});
    if (after) {
        for (const Json& name : intent.value("controllers", Json::array())) {
            const auto controller = name.is_string() && there.contains(name.get<std::string>()) ? device_of(after->domain, name.get<std::string>()) : nullptr;
            const ObjectLock lock(guest->mu);
            if (controller) take(driver, *guest, *controller);
        }
    }
    const auto device = after ? device_of(after->domain, alias) : nullptr;
    if (device && there.contains(alias)) {
        PV_CO_TRY(co_await learn_device(run, device));
        log::info("devices", "domain '{}': the device '{}' was being attached when the daemon ended; it has come", guest->name, alias);
        const ObjectLock lock(guest->mu);
        take(driver, *guest, *device);
    } else {
        log::info("devices", "domain '{}': the device '{}' was being attached when the daemon ended; it has not come", guest->name, alias);
        Json undo = intent.value("undo", Json::array());
        PV_CO_TRY(co_await clear_away(run, std::move(undo)));
        PV_CO_TRY(co_await sdk::on_worker(driver.services(), guest->strand));
        drop_server(*guest, alias);
        const auto needs = device ? needs_of_device(*device) : Result<std::vector<Need>>(std::vector<Need>());
        if (needs) run->close_up(*needs);
        if (device && device->kind == dom::DeviceKind::interface) unplug_interface(driver, guest, device->as<dom::Interface>());
        run->return_device(alias);
    }
    {
        const ObjectLock lock(guest->mu);
        guest->attaching = nullptr;
    }
    co_return co_await driver.saved(guest);
}

} // namespace polyvirt::qemu
