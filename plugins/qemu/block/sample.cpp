// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/sample.h"

#include "base/error_text.h"
#include "block/chain.h"
#include "monitor/json.h"

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

bool BlockSampler::wait(Answer answer) {
    const LeafLock lock(mu_);
    waiting_.push_back(std::move(answer));
    return !std::exchange(asking_, true);
}

void BlockSampler::give(const Result<BlockSamplePtr>& sample) {
    std::vector<Answer> served;
    {
        const LeafLock lock(mu_);
        served.swap(waiting_);
        asking_ = false;
    }
    for (const Answer& answer : served) answer(sample);
}

sdk::Task<Result<BlockSamplePtr>> take_block_sample(RunPtr run) {
    Result<Json> stats = Json();
    // A daemon that has just come back finds its guests one after another.
    for (std::int64_t waited = 0; waited < BlockSampler::kFirstPatience; waited += kPause) {
        stats = co_await run->qmp("query-blockstats", Json(), kQueryTimeout);
        if (stats || stats.error().code != ErrorCode::operation_failed) break;
        PV_CO_TRY(co_await run->delay(kPause));
    }
    PV_CO_TRY(stats);
    Json flat = {{"flat", true}};
    const auto nodes = co_await run->qmp("query-named-block-nodes", std::move(flat), kQueryTimeout);
    PV_CO_TRY(nodes);
    auto sample = std::make_shared<BlockSample>(read_block_sample(*stats, *nodes));
    const plugin::Services& s = run->services();
    sample->taken_ns = s.loop->now_ns(s.host);
    {
        const ObjectLock lock(run->guest()->mu);
        if (run->guest()->run == run) run->guest()->blocks.sample = sample;
    }
    co_return BlockSamplePtr(std::move(sample));
}

namespace {

// Who has waited long enough gets what there is.
sdk::Task<Status> lose_patience(RunPtr run, BlockSamplePtr last, BlockSampler::Answer answer) {
    const Status waited = co_await run->delay(last ? BlockSampler::kPatience : BlockSampler::kFirstPatience);
    if (last) answer(std::move(last));
    else if (!waited) answer(waited.error()); // the guest has gone meanwhile
    else answer(make_error(ErrorCode::operation_timeout, ErrorDomain::qemu, "the emulator of domain '{}' does not answer", run->guest()->name));
    co_return Status{};
}

} // namespace

sdk::Async<Result<BlockSamplePtr>> block_sample(const RunPtr& run) {
    return sdk::Async<Result<BlockSamplePtr>>([run](const BlockSampler::Answer& answer) {
        std::shared_ptr<BlockSampler> sampler;
        BlockSamplePtr last;
        {
            const ObjectLock lock(run->guest()->mu);
            BlockState& blocks = run->guest()->blocks;
            if (!blocks.sampler) blocks.sampler = std::make_shared<BlockSampler>();
            sampler = blocks.sampler;
            last = blocks.sample;
        }
        const bool begins = sampler->wait(answer);
        sdk::start(lose_patience(run, last, answer), [](const Status&) {});
        if (begins) sdk::start(take_block_sample(run), [sampler, last](const Result<BlockSamplePtr>& sample) {
            const bool silent = !sample && sample.error().code != ErrorCode::operation_invalid;
            sampler->give(silent && last ? Result<BlockSamplePtr>(last) : sample);
        });
    });
}

} // namespace polyvirt::qemu
