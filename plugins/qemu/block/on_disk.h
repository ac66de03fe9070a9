// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A disk of a running guest that no job works on, as a call begins with it. All of one moment; the guest's job keeps it so.

#include <string>
#include <vector>

#include "block/chain.h"
#include "part.h"

namespace polyvirt::qemu {

struct OnDisk {
    RunPtr run;
    sdk::domain::Disk disk; // as it is in the live description
    Chain chain;
    bool persistent = false; // the guest
};
// Errors: not running, no such disk, a job. ops_merge.cpp
Result<OnDisk> on_free_disk(Guest& guest, const std::string& name);

// The emulator may write these images from here on. Worker, with the guest's job. Errors: what refuses it.
Status open_images(Run& run, const std::vector<const Link*>& images, pv_call* call);

} // namespace polyvirt::qemu
