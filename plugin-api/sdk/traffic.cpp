// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/traffic.h"

#include <algorithm>
#include <utility>

#include <polyvirt/process.h>

#include "base/error_text.h"

namespace polyvirt::sdk {

using network::Bandwidth;

namespace {
constexpr std::int64_t kPatience = 10'000'000'000; // ns
}

std::vector<std::vector<std::string>> traffic_commands(const std::string& dev, const Bandwidth& bandwidth) {
    std::vector<std::vector<std::string>> all;
    const auto kb = [](const std::optional<std::uint64_t>& v) { return fmt::format("{}kb", v.value_or(0)); };
    const auto rate = [](const std::optional<std::uint64_t>& v) { return fmt::format("{}kbps", v.value_or(0)); };
    if (const auto& in = bandwidth.inbound; in && (in->average || in->floor)) {
        all.push_back({"qdisc", "add", "dev", dev, "root", "handle", "1:", "htb", "default", "1"});
        std::vector<std::string> c = {"class", "add", "dev", dev, "parent", "1:", "classid", "1:1", "htb", "rate", rate(in->average ? in->average : in->floor)};
        if (in->peak) c.insert(c.end(), {"ceil", rate(in->peak)});
        if (in->burst) c.insert(c.end(), {"burst", kb(in->burst)});
        all.push_back(std::move(c));
        all.push_back({"qdisc", "add", "dev", dev, "parent", "1:1", "handle", "2:", "sfq", "perturb", "10"});
    }
    if (const auto& out = bandwidth.outbound; out && out->average) {
        all.push_back({"qdisc", "add", "dev", dev, "ingress"});
        // Without a burst, what may come in a second.
        all.push_back({"filter", "add", "dev", dev, "parent", "ffff:", "protocol", "all", "u32", "match", "u32", "0", "0", "police", "rate",
                       rate(out->average), "burst", kb(out->burst ? out->burst : out->average), "mtu", "64kb", "drop", "flowid", ":1"});
    }
    return all;
}

Status limit_traffic(const plugin::Services& s, const std::string& dev, const Bandwidth& bandwidth) {
    const auto tc = [&s](std::vector<std::string> words) {
        words.insert(words.begin(), "/usr/sbin/tc");
        return plugin::run_program(s, nullptr, plugin::Command(std::move(words)), kPatience);
    };
    // What was there goes first; that there was nothing is no error.
    for (const char* which : {"root", "ingress"}) PV_TRY(tc({"qdisc", "del", "dev", dev, which}));
    for (const auto& words : traffic_commands(dev, bandwidth)) {
        PV_ASSIGN_OR_RETURN(const plugin::ProgramResult done, tc(words));
        // Fairness among streams is a courtesy; kernels can be without it.
        const bool needed = std::find(words.begin(), words.end(), "sfq") == words.end();
        if (done.wait_status != 0 && needed)
            return make_error(ErrorCode::internal_error, ErrorDomain::none, "traffic of '{}' cannot be limited: {}", dev, done.err);
    }
    return {};
}

Bandwidth as_link(const domain::Interface& i) {
    Bandwidth limits = i.bandwidth.value_or(Bandwidth{});
    if (i.type == domain::InterfaceType::direct) std::swap(limits.inbound, limits.outbound);
    return limits;
}

Status limit_traffic(const plugin::Services& s, const domain::Interface& i) { return limit_traffic(s, i.target.dev, as_link(i)); }

} // namespace polyvirt::sdk
