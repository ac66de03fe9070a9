// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/reload.h"

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::daemon {
namespace {

void tell_changes(const Config& was, const Config& now) {
    for (const std::string& path : now.changed(was)) {
        const Setting* setting = find_setting(path);
        if (setting == nullptr)
            log::info("daemon", "{}: changed; its plugin is told", path);
        else if (setting->effect == Effect::start)
            log::warning("daemon", "{}: changed; takes effect when the daemon starts next", now.where(path));
        else
            log::info("daemon", "{}: changed", now.where(path));
    }
}

} // namespace

Reloader::Reloader(ConfigFiles files, Config config)
    : files_(std::move(files)), config_(std::make_shared<const Config>(std::move(config))) {}

std::shared_ptr<const Config> Reloader::config() const {
    LeafLock lock(mu_);
    return config_;
}

Result<std::vector<Reloader::Apply>> Reloader::prepare(const Config& was, const Config& now) const {
    std::vector<Apply> steps;
    for (const Action& action : actions_) {
        Result<Apply> step = action.prepare(was, now);
        if (!step)
            return make_error_text(step.error().code, step.error().domain, action.name + ": " + step.error().message);
        if (*step) steps.push_back(*std::move(step));
    }
    return steps;
}

bool Reloader::reload() {
    const std::shared_ptr<const Config> was = config();
    Config::Loaded loaded = Config::load(files_);
    for (const std::string& problem : loaded.problems) log::error("daemon", "{}", problem);
    if (!loaded.problems.empty()) {
        log::error("daemon", "the configuration is wrong: everything stays as it was");
        return false;
    }
    const auto now = std::make_shared<const Config>(std::move(loaded.config));
    for (const std::string& note : now->notes()) log::warning("daemon", "{}", note);
    const auto steps = prepare(*was, *now);
    if (!steps) {
        log::error("daemon", "{}; everything stays as it was", steps.error().message);
        return false;
    }
    for (const Apply& step : *steps) step();
    tell_changes(*was, *now);
    {
        LeafLock lock(mu_);
        config_ = now;
    }
    log::info("daemon", "configuration read again");
    return true;
}

} // namespace polyvirt::daemon
