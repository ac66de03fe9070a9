// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/policy.h"

#include <filesystem>

#include "base/error_text.h"
#include "base/log.h"
#include "host/dispatch/dispatcher.h"

namespace polyvirt::daemon {

std::string policy_file(const Config& config, const std::string& etc) {
    if (const std::string& named = config.text("policy.file"); !named.empty()) return named;
    std::error_code unused;
    const std::string usual = etc + "/policy.yaml";
    return std::filesystem::exists(usual, unused) ? usual : "";
}

void set_up_polkit(dispatch::Dispatcher& dispatcher, const Config& config) {
    access::Authority::Options options;
    options.bus = config.text("polkit.bus");
    options.keep = config.duration("polkit.keep");
    dispatcher.set_polkit(std::make_shared<access::Authority>(std::move(options)),
                          {config.duration("polkit.login_deadline"), config.flag("polkit.interactive")});
}

Result<std::function<void()>> prepare_policy(dispatch::Dispatcher& dispatcher, const Config& config,
                                             const std::string& etc) {
    using Enforce = std::function<void()>;
    access::Control& control = dispatcher.access();
    const std::string& backend = config.text("policy.backend");
    if (backend == "polkit")
        return Enforce([&control, polkit = dispatcher.polkit(), deadline = config.duration("polkit.deadline")] {
            control.enforce_polkit(polkit, deadline);
            log::info("access", "polkit decides who may do what");
        });
    const std::string path = backend == "rules" ? policy_file(config, etc) : "";
    if (path.empty())
        return Enforce([&control] {
            if (control.generation() != 0) log::info("access", "no policy: no permissions are enforced any more");
            control.enforce_nothing();
        });
    const access::Loaded loaded = access::load_policy(path);
    for (const std::string& text : loaded.warnings) log::warning("access", "{}", text);
    for (const std::string& text : loaded.errors) log::error("access", "{}", text);
    if (loaded.policy == nullptr)
        return make_error(ErrorCode::conf_syntax, ErrorDomain::access, "{}{}", loaded.errors.front(),
                          loaded.errors.size() > 1 ? fmt::format(" (and {} more)", loaded.errors.size() - 1) : "");
    return Enforce([&control, path, policy = loaded.policy] {
        control.enforce(policy);
        log::info("access", "{}: {} rules, {} by default", path, policy->rules().size(),
                  policy->default_allow() ? "allow" : "deny");
    });
}

Status load_policy(dispatch::Dispatcher& dispatcher, const Config& config, const std::string& etc) {
    PV_ASSIGN_OR_RETURN(const std::function<void()> enforce, prepare_policy(dispatcher, config, etc));
    enforce();
    return {};
}

} // namespace polyvirt::daemon
