// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Disks that a guest can start without: <source startupPolicy='optional'>.

#include <string>
#include <vector>

#include "guest.h"

namespace polyvirt::qemu {

class Driver;

struct MissingSource {
    std::string alias, path;
    bool whole = false; // the disk went, not only its medium
};
// Takes out what is not there: the medium of a drive, or the whole disk. Aliases are assigned. Worker.
std::vector<MissingSource> drop_missing(sdk::domain::Domain& domain);

// Clients are told.
void post_missing(const Driver& driver, const Guest& guest, const MissingSource& missing) PV_REQUIRES(guest.mu);

} // namespace polyvirt::qemu
