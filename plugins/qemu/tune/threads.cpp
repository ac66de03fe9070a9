// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tune/threads.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error_text.h"
#include "monitor/json.h"

namespace polyvirt::qemu {
namespace {

constexpr std::size_t kMaxThreads = 65'536;

Error odd(std::string_view command) {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the reply to {} is not what it should be", command);
}
std::optional<std::int64_t> number(const Json& j, const char* key) {
    const auto it = j.find(key);
    if (it == j.end() || !it->is_number_integer()) return {};
    return it->get<std::int64_t>();
}
bool is_list(const Json& reply) {
    return reply.is_array() && reply.size() <= kMaxThreads && std::all_of(reply.begin(), reply.end(), [](const Json& j) { return j.is_object(); });
}

} // namespace

const VcpuThread* Threads::vcpu(std::uint32_t number) const {
    const auto found = std::find_if(vcpus.begin(), vcpus.end(), [number](const VcpuThread& v) { return v.vcpu == number; });
    return found == vcpus.end() ? nullptr : &*found;
}
const IoThreadThread* Threads::iothread(std::uint32_t id) const {
    const auto found = std::find_if(iothreads.begin(), iothreads.end(), [id](const IoThreadThread& t) { return t.id == id; });
    return found == iothreads.end() ? nullptr : &*found;
}

Result<std::vector<VcpuThread>> read_vcpu_threads(const Json& reply) {
    if (!is_list(reply)) return odd("query-cpus-fast");
    std::vector<VcpuThread> all;
    for (const Json& j : reply) {
        const auto index = number(j, "cpu-index"), tid = number(j, "thread-id");
        if (!index || !tid || *index < 0 || *index > UINT16_MAX || *tid <= 0) return odd("query-cpus-fast");
        VcpuThread v{.vcpu = static_cast<std::uint32_t>(*index), .tid = *tid, .alias = {}};
        // Devices with an id are below /machine/peripheral; those that were there from the start have none.
        const std::string path = text_of(j, "qom-path");
        constexpr std::string_view kPlugged = "/machine/peripheral/";
        if (path.starts_with(kPlugged)) v.alias = path.substr(kPlugged.size(), path.find('/', kPlugged.size()) - kPlugged.size());
        all.push_back(std::move(v));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.vcpu < b.vcpu; });
    return all;
}

Result<std::vector<IoThreadThread>> read_iothreads(const Json& reply) {
    if (!is_list(reply)) return odd("query-iothreads");
    std::vector<IoThreadThread> all;
    for (const Json& j : reply) {
        const std::string name = text_of(j, "id");
        constexpr std::string_view kPrefix = "iothread";
        if (!name.starts_with(kPrefix)) continue; // one of the user's own
        IoThreadThread t;
        const char* const end = name.data() + name.size();
        const auto read = std::from_chars(name.data() + kPrefix.size(), end, t.id);
        const auto tid = number(j, "thread-id");
        if (read.ec != std::errc() || read.ptr != end) continue;
        if (!tid || *tid <= 0) return odd("query-iothreads");
        t.tid = *tid;
        const auto unsigned_of = [&](const char* key) { return static_cast<std::uint64_t>(std::max<std::int64_t>(number(j, key).value_or(0), 0)); };
        t.poll_max = unsigned_of("poll-max-ns");
        t.poll_grow = unsigned_of("poll-grow");
        t.poll_shrink = unsigned_of("poll-shrink");
        all.push_back(t);
    }
    return all;
}

Result<std::vector<VcpuPlace>> read_places(const Json& reply) {
    if (!is_list(reply)) return odd("query-hotpluggable-cpus");
    // Not their NUMA nodes: boards give processors to those as they like.
    constexpr std::array kOrder = {"drawer-id", "book-id", "socket-id", "die-id", "cluster-id", "core-id", "thread-id"};
    std::vector<std::pair<std::array<std::int64_t, kOrder.size()>, VcpuPlace>> places;
    for (const Json& j : reply) {
        VcpuPlace p;
        p.type = text_of(j, "type");
        p.path = text_of(j, "qom-path");
        const auto count = number(j, "vcpus-count");
        const auto props = j.find("props");
        if (p.type.empty() || !count || *count < 1 || *count > 1024 || props == j.end() || !props->is_object()) return odd("query-hotpluggable-cpus");
        p.count = static_cast<std::uint32_t>(*count);
        p.props = *props;
        std::array<std::int64_t, kOrder.size()> key{};
        for (std::size_t i = 0; i < kOrder.size(); ++i) key[i] = number(p.props, kOrder[i]).value_or(0);
        places.emplace_back(key, std::move(p));
    }
    std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<VcpuPlace> all;
    std::uint32_t next = 0;
    for (auto& [key, place] : places) {
        place.vcpu = next;
        next += place.count;
        all.push_back(std::move(place));
    }
    return all;
}

} // namespace polyvirt::qemu
