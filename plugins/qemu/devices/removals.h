// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Removals: who waits for a device to go. A guest lets go of one when it likes, long after the call that asked for it
// or never. On the guest's loop alone; a member of its Run.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <polyvirt/loop.h>

#include "sdk/task.h"

namespace polyvirt::qemu {

// gone: the device and what was behind it have left; refused: the guest says no; pending: neither in time.
enum class Removal : std::uint8_t { gone, refused, pending };

class Removals {
  public:
    using Answer = sdk::Answer<Result<Removal>>;

    // From here on what becomes of the device is kept for wait(); before the emulator is asked for it.
    void expect(const std::string& alias);
    // Once after expect(), which it ends.
    void wait(const plugin::Loop& loop, const std::string& alias, std::int64_t timeout_ns, const Answer& answer);
    void forget(const std::string& alias) { waiting_.erase(alias); }
    void tell(const std::string& alias, Removal outcome);
    // The guest has ended.
    void drop(const Error& why);

  private:
    struct Waiter {
        std::optional<Removal> outcome;
        std::optional<Answer> answer;
        plugin::Watch timer;
    };
    std::map<std::string, Waiter> waiting_;
};

} // namespace polyvirt::qemu
