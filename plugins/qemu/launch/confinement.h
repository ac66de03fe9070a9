// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Confinement: as whom emulators run, in which control groups, and which files are theirs meanwhile. One for the driver.

#include <atomic>
#include <cstdint>
#include <string>

#include <polyvirt/services.h>

#include "base/result.h"
#include "cgroup/cgroup.h"
#include "launch/settings.h"
#include "ownership/claims.h"
#include "ownership/identity.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

class Confinement {
  public:
    // At the driver's start, before anything else is used.
    [[nodiscard]] Status start(const plugin::Services& s);
    [[nodiscard]] const Settings& settings() const { return settings_; }

    [[nodiscard]] std::string default_label() const { return default_.label(); }
    // Of the document's static label, or the configured one.
    [[nodiscard]] Result<Identity> identity(const sdk::domain::Domain& domain) const;
    // Of the programs that play TPMs.
    [[nodiscard]] const Identity& tpm_identity() const { return tpm_; }
    // Paths alone; empty where there are to be none.
    [[nodiscard]] cgroup::Group group(const sdk::domain::Domain& domain, std::int32_t id) const;
    // What of this stands in a live document.
    void describe(sdk::domain::Domain& live, const Identity& who) const;
    // The files that a domain's emulator opens, with what the document and the settings say about their owners.
    [[nodiscard]] Result<std::vector<Need>> needs(const sdk::domain::Domain& domain) const;
    [[nodiscard]] bool keeps_owners(const sdk::domain::Domain& domain) const;

    [[nodiscard]] Claims& claims() { return claims_; }
    // Once: a host without control groups is not told so with each guest.
    void tell_groups_missing(const std::string& why);

  private:
    Settings settings_;
    Identity default_, tpm_;
    cgroup::Tree tree_;
    Claims claims_;
    std::atomic<bool> told_ = false;
};

} // namespace polyvirt::qemu
