// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "life/actions.h"

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Domain;
using sdk::domain::LifecycleAction;

bool dumps(LifecycleAction action) { return action == LifecycleAction::coredump_destroy || action == LifecycleAction::coredump_restart; }

template <typename... A> Error unsupported(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, f, std::forward<A>(a)...);
}

} // namespace

Status check_actions(const Domain& d) {
    const std::pair<const char*, LifecycleAction> undumped[] = {{"poweroff", d.on_poweroff}, {"reboot", d.on_reboot}};
    for (const auto& [event, action] : undumped)
        if (dumps(action))
            return unsupported("Lifecycle event '{}' doesn't support '{}' action", event,
                               names_of(action)[static_cast<std::size_t>(action)]);
    if (d.on_poweroff == LifecycleAction::preserve || d.on_reboot == LifecycleAction::preserve)
        return unsupported("qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'");
    for (const LifecycleAction action : {d.on_poweroff, d.on_reboot, d.on_crash})
        if (action == LifecycleAction::rename_restart)
            return unsupported("qemu driver doesn't support the 'rename-restart' action for 'on_reboot'/'on_poweroff'/'on_crash'");
    if (d.on_reboot == LifecycleAction::destroy && d.on_poweroff == LifecycleAction::restart)
        return unsupported("qemu driver doesn't support 'onReboot' set to 'destroy and 'onPoweroff' set to 'reboot'");
    return {};
}

} // namespace polyvirt::qemu
