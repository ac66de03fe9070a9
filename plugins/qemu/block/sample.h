// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Figures of a guest's disks, as its emulator last told them: a part of the run's Figures (stats/figures.h), which are asked
// for by many at once. Who wants them as they are now waits for a round of questions of its own or the one under way, and
// gets the sample before from an emulator that is busy or stuck; only where there is none kFirstPatience ends in an
// error. No job of the guest is needed.
//
//     const Result<BlockSamplePtr> sample = co_await block_sample(run);

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "part.h"
#include "run.h"

namespace polyvirt::qemu {

// Of a device, since the guest started. Times in ns.
struct DeviceFigures {
    std::uint64_t rd_reqs = 0, rd_bytes = 0, rd_times = 0, wr_reqs = 0, wr_bytes = 0, wr_times = 0, fl_reqs = 0, fl_times = 0;
};
// Of an image. Bytes.
struct ImageFigures {
    std::optional<std::uint64_t> capacity;  // what the guest sees
    std::optional<std::uint64_t> allocated; // on the file system
    std::optional<std::uint64_t> highest;   // first offset that was never written, in this run
    std::optional<std::uint64_t> threshold; // of BLOCK_THRESHOLD; none is set
};
struct BlockSample {
    std::map<std::string, DeviceFigures> devices; // by alias
    std::map<std::uint32_t, ImageFigures> images; // by number
};
using BlockSamplePtr = std::shared_ptr<const BlockSample>;

// Replies of the emulator to query-blockstats and query-named-block-nodes; what makes no sense in them is left out.
BlockSample read_block_sample(const Json& stats, const Json& nodes);

inline constexpr std::int64_t kFirstPatience = 5'000'000'000;

// Goes on anywhere. Errors: operation_timeout; the guest has gone.
sdk::Task<Result<BlockSamplePtr>> block_sample(RunPtr run);

// Asks. On or off the loop; goes on on it. Errors: what Run::qmp() has.
sdk::Task<Result<BlockSamplePtr>> ask_for_blocks(RunPtr run);

} // namespace polyvirt::qemu
