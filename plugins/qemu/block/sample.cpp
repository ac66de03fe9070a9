// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/sample.h"

#include "base/error_text.h"
#include "block/chain.h"
#include "monitor/json.h"
#include "stats/figures.h"

namespace polyvirt::qemu {
namespace {

constexpr int kMaxTree = 512; // nodes below a device: chain, and what is below each of its images
constexpr std::int64_t kPause = 50'000'000;
constexpr std::int64_t kQueryTimeout = 20 * Monitor::kSecond;

std::optional<std::uint64_t> number(const Json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number_unsigned()) return {};
    return it->get<std::uint64_t>();
}

// "/machine/peripheral/virtio-disk0/virtio-backend": the device is the component behind peripheral.
std::string alias_of(const std::string& path) {
    constexpr std::string_view kFolder = "/peripheral/";
    const std::size_t at = path.find(kFolder);
    if (at == std::string::npos) return path;
    const std::size_t begin = at + kFolder.size();
    return path.substr(begin, path.find('/', begin) - begin);
}

DeviceFigures device(const Json& stats) {
    constexpr std::pair<const char*, std::uint64_t DeviceFigures::*> kRows[] = {
        {"rd_operations", &DeviceFigures::rd_reqs},    {"rd_bytes", &DeviceFigures::rd_bytes},
        {"rd_total_time_ns", &DeviceFigures::rd_times}, {"wr_operations", &DeviceFigures::wr_reqs},
        {"wr_bytes", &DeviceFigures::wr_bytes},        {"wr_total_time_ns", &DeviceFigures::wr_times},
        {"flush_operations", &DeviceFigures::fl_reqs}, {"flush_total_time_ns", &DeviceFigures::fl_times}};
    DeviceFigures d;
    for (const auto& [key, to] : kRows) d.*to = number(stats, key).value_or(0);
    return d;
}

// How far an image was written is known of the file that it is in.
void walk(BlockSample& sample, const Json& node, int& budget) {
    const Json* at = &node;
    while (at->is_object() && budget-- > 0) {
        if (const std::uint32_t n = number_of_node(text_of(*at, "node-name")); n != 0)
            sample.images[n].highest = number(member(member(*at, "parent"), "stats"), "wr_highest_offset");
        at = &member(*at, "backing");
    }
}

} // namespace

BlockSample read_block_sample(const Json& stats, const Json& nodes) {
    BlockSample sample;
    if (stats.is_array()) {
        for (const Json& entry : stats) {
            const std::string path = text_of(entry, "qdev");
            if (!path.empty()) sample.devices[alias_of(path)] = device(member(entry, "stats"));
            int budget = kMaxTree;
            walk(sample, entry, budget);
        }
    }
    if (!nodes.is_array()) return sample;
    for (const Json& node : nodes) {
        const std::string name = text_of(node, "node-name");
        const std::uint32_t n = number_of_node(name);
        if (n == 0) continue;
        ImageFigures& image = sample.images[n];
        if (name == format_node(n)) {
            image.capacity = number(member(node, "image"), "virtual-size");
            image.allocated = number(member(node, "image"), "actual-size");
        } else if (const auto threshold = number(node, "write_threshold"); threshold.value_or(0) != 0) {
            image.threshold = threshold;
        }
    }
    return sample;
}

sdk::Task<Result<BlockSamplePtr>> ask_for_blocks(RunPtr run) {
    Result<Json> stats = Json();
    // A daemon that has just come back finds its guests one after another.
    for (std::int64_t waited = 0; waited < kFirstPatience; waited += kPause) {
        stats = co_await run->qmp("query-blockstats", Json(), kQueryTimeout);
        if (stats || stats.error().code != ErrorCode::operation_failed) break;
        PV_CO_TRY(co_await run->delay(kPause));
    }
    PV_CO_TRY(stats);
    Json flat = {{"flat", true}};
    const auto nodes = co_await run->qmp("query-named-block-nodes", std::move(flat), kQueryTimeout);
    PV_CO_TRY(nodes);
    co_return BlockSamplePtr(std::make_shared<const BlockSample>(read_block_sample(*stats, *nodes)));
}

sdk::Task<Result<BlockSamplePtr>> block_sample(RunPtr run) {
    const plugin::Services& s = run->services();
    const std::int64_t until = s.loop->now_ns(s.host) + kFirstPatience;
    for (;;) {
        PV_CO_TRY(co_await sampled(run, Figures::kBlocks, 0));
        if (const BlockSamplePtr blocks = run->figures().last()->blocks) co_return blocks;
        if (s.loop->now_ns(s.host) >= until)
            co_return make_error(ErrorCode::operation_timeout, ErrorDomain::qemu, "the emulator of domain '{}' does not answer", run->guest()->name);
        PV_CO_TRY(co_await run->delay(kPause)); // or it has gone
    }
}

} // namespace polyvirt::qemu
