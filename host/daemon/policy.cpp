// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/policy.h"

#include <filesystem>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::daemon {

Status load_policy(access::Control& control, const std::string& file, const std::string& fallback) {
    std::error_code unused;
    if (file.empty() && !std::filesystem::exists(fallback, unused)) {
        if (control.generation() != 0) log::info("access", "no policy file: no permissions are enforced any more");
        control.enforce_nothing();
        return {};
    }
    const std::string& path = file.empty() ? fallback : file;
    const access::Loaded loaded = access::load_policy(path);
    for (const std::string& text : loaded.warnings) log::warning("access", "{}", text);
    for (const std::string& text : loaded.errors) log::error("access", "{}", text);
    if (loaded.policy == nullptr)
        return make_error(ErrorCode::conf_syntax, ErrorDomain::access, "{}{}", loaded.errors.front(),
                          loaded.errors.size() > 1 ? fmt::format(" (and {} more)", loaded.errors.size() - 1) : "");
    log::info("access", "{}: {} rules, {} by default", path, loaded.policy->rules().size(),
              loaded.policy->default_allow() ? "allow" : "deny");
    control.enforce(loaded.policy);
    return {};
}

} // namespace polyvirt::daemon
