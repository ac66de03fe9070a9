// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/load_settings.h"

#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "host/daemon/setting_checks.h"
#include "host/plugin/manifest.h"

namespace polyvirt::daemon {
namespace {

std::vector<std::string> folders_of_environment(bool privileged) {
    std::vector<std::string> folders;
    const char* value = std::getenv("POLYVIRT_PLUGINS"); // NOLINT(concurrency-mt-unsafe): no plugin's thread yet
    if (value == nullptr || *value == '\0') return folders;
    if (privileged) {
        log::warning("plugin", "POLYVIRT_PLUGINS is ignored: the daemon runs as root, and who set it is not known");
        return folders;
    }
    for (std::string_view rest = value; !rest.empty();) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        if (end != 0) folders.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return folders;
}

} // namespace

plugin::LoadPolicy load_policy(const Config& config, const Options& options, const Paths& paths, bool privileged) {
    plugin::LoadPolicy policy;
    policy.folders = folders_of_environment(privileged);
    std::vector<std::string> more = options.plugins.empty() ? config.list("loading.folders") : options.plugins;
    if (more.empty()) {
        more = default_plugin_folders();
        policy.folders_may_be_absent = true;
    }
    policy.folders.insert(policy.folders.end(), more.begin(), more.end());
    policy.allow = config.list("loading.allow");
    policy.deny = config.list("loading.deny");
    policy.required = config.list("loading.required");
    policy.optional = config.list("loading.optional");
    for (const std::string& choice : config.list("loading.providers")) {
        const std::size_t at = choice.find('=');
        policy.providers[plugin::kind_from_name(choice.substr(0, at))] = choice.substr(at + 1);
    }
    for (const std::string& choice : config.list("loading.schemes")) {
        const std::size_t at = choice.find('=');
        policy.schemes[choice.substr(0, at)] = choice.substr(at + 1);
    }
    policy.crash_limit = static_cast<unsigned>(config.integer("loading.crash_limit"));
    if (options.safe_mode || !options.only.empty()) policy.only = options.only;
    policy.record_folder = paths.host.state + "/.plugins";
    return policy;
}

} // namespace polyvirt::daemon
