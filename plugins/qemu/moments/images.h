// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Image files of guests that do not run, through qemu-img. Workers; no lock held.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/domain/domain.h"
#include <polyvirt/services.h>

namespace polyvirt::qemu {

// Runs qemu-img; its output. Error: operation_failed with its own words.
Result<std::string> run_qemu_img(const plugin::Services& s, std::vector<std::string> arguments) PV_NO_LOCKS_HELD;

enum class ImageSnapshot : char { create = 'c', apply = 'a', remove = 'd' };
// Does that to the internal snapshot `name` of each of these files, in order. One that fails undoes those that were made.
Status change_image_snapshots(const plugin::Services& s, ImageSnapshot what, const std::string& name,
                              const std::vector<std::string>& files) PV_NO_LOCKS_HELD;

// A new image over another. `format`: of the one below.
struct NewOverlay {
    std::string file, below, below_format;
};
Status make_overlay(const plugin::Services& s, const NewOverlay& overlay) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
