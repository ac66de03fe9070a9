// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SavedImages: saved states by the name of the file that their client wanted them in. Bounded; any thread; its lock is a
// leaf, so that a state can be kept under its guest's lock.

#include <map>
#include <string>

#include "base/error_text.h"
#include "base/sync.h"
#include "guest.h"

namespace polyvirt::test {

struct SavedImage {
    DocumentPtr document;
    bool paused = false; // the guest was, and will be
};

class SavedImages {
  public:
    static constexpr std::size_t kMax = 10'000;

    Status put(const std::string& file, SavedImage image) {
        const LeafLock lock(mu_);
        if (images_.size() >= kMax && !images_.contains(file))
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "{} saved states are kept already; '{}' is one too many", kMax, file);
        images_.insert_or_assign(file, std::move(image));
        return {};
    }
    Result<SavedImage> get(const std::string& file) const {
        const LeafLock lock(mu_);
        const auto found = images_.find(file);
        if (found != images_.end()) return found->second;
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "no state of a domain was saved as '{}'", file);
    }

  private:
    mutable Mutex mu_{Rank::leaf};
    std::map<std::string, SavedImage> images_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::test
