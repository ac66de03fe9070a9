// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/figures.h"

#include <charconv>
#include <string_view>
#include <vector>

namespace polyvirt::lxc {
namespace {

using sdk::cgroup::Controller;
using sdk::cgroup::Group;

std::vector<std::string_view> words(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end != 0) out.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// v1: "8:0 Read 4096" lines, one file for bytes and one for requests.
void add_v1(std::string_view text, const std::string& device, std::int64_t& read, std::int64_t& write) {
    for (const std::string_view line : words(text, "\n")) {
        const auto w = words(line, " ");
        if (w.size() != 3 || (!device.empty() && w[0] != device)) continue;
        if (w[1] == "Read") read += number(w[2]);
        if (w[1] == "Write") write += number(w[2]);
    }
}

// v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." lines.
void add_v2(std::string_view text, const std::string& device, BlockFigures& f) {
    for (const std::string_view line : words(text, "\n")) {
        const auto w = words(line, " ");
        if (w.empty() || (!device.empty() && w[0] != device)) continue;
        for (const std::string_view word : w) {
            const std::size_t at = word.find('=');
            if (at == std::string_view::npos) continue;
            const std::string_view key = word.substr(0, at);
            const std::int64_t value = number(word.substr(at + 1));
            if (key == "rbytes") f.read_bytes += value;
            if (key == "wbytes") f.write_bytes += value;
            if (key == "rios") f.read_requests += value;
            if (key == "wios") f.write_requests += value;
        }
    }
}

} // namespace

Result<std::uint64_t> memory_used(const Group& group) {
    const bool v2 = group.version(Controller::memory) == 2;
    PV_ASSIGN_OR_RETURN(const std::string text,
                        group.get(Controller::memory, v2 ? "memory.current" : "memory.usage_in_bytes"));
    return static_cast<std::uint64_t>(number(text)) / 1024;
}

std::optional<std::uint64_t> swap_used(const Group& group) {
    const bool v2 = group.version(Controller::memory) == 2;
    const auto text = group.get(Controller::memory, v2 ? "memory.swap.current" : "memory.memsw.usage_in_bytes");
    if (!text) return {};
    const auto all = static_cast<std::uint64_t>(number(*text)) / 1024;
    if (v2) return all;
    const auto memory = memory_used(group);
    return memory && *memory <= all ? all - *memory : 0;
}

Result<BlockFigures> block_figures(const Group& group, const std::string& device) {
    BlockFigures f;
    if (group.version(Controller::blkio) == 2) {
        PV_ASSIGN_OR_RETURN(const std::string text, group.get(Controller::blkio, "io.stat"));
        add_v2(text, device, f);
        return f;
    }
    // What the groups below have used counts too: the container is in one of them.
    PV_ASSIGN_OR_RETURN(const std::string bytes,
                        group.get(Controller::blkio, "blkio.throttle.io_service_bytes_recursive"));
    PV_ASSIGN_OR_RETURN(const std::string requests,
                        group.get(Controller::blkio, "blkio.throttle.io_serviced_recursive"));
    add_v1(bytes, device, f.read_bytes, f.write_bytes);
    add_v1(requests, device, f.read_requests, f.write_requests);
    return f;
}

} // namespace polyvirt::lxc
