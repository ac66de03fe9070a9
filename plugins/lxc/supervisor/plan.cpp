// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "plugins/lxc/supervisor/plan.h"

#include <nlohmann/json.hpp>

namespace polyvirt::lxc {

using Json = nlohmann::json;

std::string format_plan(const Plan& p) {
    const Json j = {{"name", p.name}, {"folder", p.folder},     {"config", p.config},
                    {"init", p.init}, {"consoles", p.consoles}, {"restarts", p.restarts}};
    return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Plan parse_plan(const std::string& text) {
    const Json j = Json::parse(text);
    Plan p;
    j.at("name").get_to(p.name);
    j.at("folder").get_to(p.folder);
    j.at("config").get_to(p.config);
    j.at("init").get_to(p.init);
    j.at("consoles").get_to(p.consoles);
    j.at("restarts").get_to(p.restarts);
    return p;
}

} // namespace polyvirt::lxc
