// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Figures of a guest's disks, as its emulator last told them. Callers share a round of questions: one is under way at a
// time, and whoever comes meanwhile waits for it. A busy or stuck emulator makes nobody wait long: after kPatience the
// sample before is the answer, with the time at which it was taken; only where there is none kFirstPatience ends in an
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

#include "base/sync.h"
#include "block/state.h"
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
    std::int64_t taken_ns = 0;                       // monotonic
    std::map<std::string, DeviceFigures> devices;    // by alias
    std::map<std::uint32_t, ImageFigures> images;    // by number
};
using BlockSamplePtr = std::shared_ptr<const BlockSample>;

// Replies of the emulator to query-blockstats and query-named-block-nodes; what makes no sense in them is left out.
BlockSample read_block_sample(const Json& stats, const Json& nodes);

// Goes on anywhere. Errors: operation_timeout, what Run::qmp() has.
sdk::Async<Result<BlockSamplePtr>> block_sample(const RunPtr& run);

// Asks, whoever else does, and keeps it. On or off the loop; goes on on it.
sdk::Task<Result<BlockSamplePtr>> take_block_sample(RunPtr run);

// Who waits for the round that is under way. Shared by the guest's state and the round itself.
class BlockSampler {
  public:
    using Answer = sdk::Answer<Result<BlockSamplePtr>>;
    static constexpr std::int64_t kPatience = 250'000'000, kFirstPatience = 5'000'000'000;

    // True: nobody is asking yet, the caller is to.
    bool wait(Answer answer);
    void give(const Result<BlockSamplePtr>& sample);

  private:
    Mutex mu_{Rank::leaf};
    std::vector<Answer> waiting_ PV_GUARDED_BY(mu_);
    bool asking_ PV_GUARDED_BY(mu_) = false;
};

} // namespace polyvirt::qemu
