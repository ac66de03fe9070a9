// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Claims: files that running emulators own for the time of their run, and who had them before. A file that an emulator can
// use as it is stays as it is. Several guests may share one: the first takes it, the last gives it back.
//
// In two steps, so that the daemon may die at any line: reserve() says what would be changed, which the caller writes down
// (status record), then apply() changes it. give_back() of what was never applied does nothing.
//
// Any thread; looks at files: not on a loop.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "ownership/identity.h"

namespace polyvirt::qemu {

// A file that an emulator is to use.
struct Need {
    std::string path;
    bool write = false;
    bool keep = false;          // whose owner is not changed, whatever comes of it
    std::string label{};        // of this file alone: "USER:GROUP"
};

struct Claim {
    std::string path;
    std::uint64_t device = 0, inode = 0;
    std::uint32_t uid = 0, gid = 0;         // before
    std::uint32_t new_uid = 0, new_gid = 0; // meanwhile
    bool operator==(const Claim&) const = default;
};

class Claims {
  public:
    // For an emulator that runs as `who`. Errors: what of which path refuses it, or is not there; nothing is reserved then.
    [[nodiscard]] Result<std::vector<Claim>> reserve(const Identity& who, const std::vector<Need>& needs);
    [[nodiscard]] Status apply(const std::vector<Claim>& claims) const;
    void give_back(const std::vector<Claim>& claims);
    // What a guest has that an earlier daemon started.
    void restore(const std::vector<Claim>& claims);

  private:
    using Key = std::pair<std::uint64_t, std::uint64_t>; // device, inode
    struct Held {
        std::uint32_t uid, gid;
        int guests;
    };
    [[nodiscard]] Status reserve_one(const Identity& who, const Need& need, std::vector<Claim>& out);

    mutable Mutex mu_{Rank::leaf};
    std::map<Key, Held> held_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::qemu
