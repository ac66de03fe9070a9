// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Programs that a guest's state goes through on its way to a file or from it: one that packs it, and one that keeps it out of
// the host's cache.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/loop.h>
#include <polyvirt/process.h>
#include <polyvirt/services.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "save/image.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

// In the order in which the state goes through them; none where it may go as it is.
using Programs = std::vector<std::vector<std::string>>;
// `direct`: past the host's cache. Error: operation_failed, the file's system cannot do that.
Result<Programs> programs_into(int file, Compression compression, bool direct);
Result<Programs> programs_from(int file, Compression compression, bool direct);

// What an emulator writes to `entrance` ends in a file. Made on a worker.
class Pipeline {
  public:
    // The file's descriptor is borrowed until over() has answered; its offset is where the first byte goes to. Their ends are told
    // on `loop`. Error: operation_failed, one cannot be run.
    static Result<std::shared_ptr<Pipeline>> into(const plugin::Services& s, const plugin::Loop& loop, const Programs& programs, int file);
    // To be closed here once the emulator has it: they wait for its end.
    [[nodiscard]] const std::shared_ptr<UniqueFd>& entrance() const { return entrance_; }
    // On the loop: all have ended. Error: operation_failed, which has not ended well.
    [[nodiscard]] sdk::Async<Status> over(std::shared_ptr<Pipeline> self);

  private:
    void ended(const std::string& program, std::int32_t status);

    std::shared_ptr<UniqueFd> entrance_;
    std::vector<plugin::ChildProcess> children_;
    std::size_t running_ = 0;
    Status outcome_; // the first that is bad
    std::vector<sdk::Answer<Status>> waiters_;
};

// The other way: what is read from the result is the file's, from its offset on. Nobody waits for the programs: the reader sees
// where its stream ends.
Result<UniqueFd> read_through(const plugin::Services& s, const plugin::Loop& loop, const Programs& programs, int file);

} // namespace polyvirt::qemu
