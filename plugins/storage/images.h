// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What qemu-img is asked for. Plain functions, so that tests see every word of it.

#include <string>
#include <vector>

#include "backend.h"

namespace polyvirt::storage {

// Error: what qemu-img cannot make of it.
Status check_image(const Wish& wish);
// To make `path`, which is not there yet, or is a device.
std::vector<std::string> image_command(const Wish& wish, const std::string& path);
std::vector<std::string> resize_command(const doc::Volume& volume, std::uint64_t capacity, bool shrinks);
// The format as qemu-img knows it.
std::string tool_format(const std::string& format);

} // namespace polyvirt::storage
