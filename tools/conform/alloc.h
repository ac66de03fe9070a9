// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Allocations of the plugin's code that fail: this program's malloc, calloc, realloc, and what stands on them, are found
// before the C library's.

#include <cstdint>

namespace polyvirt::conform {

// Whose allocations count: those made by the code of the file itself and, for it, by operator new of the C++ runtime; with
// `libraries` also those that the libraries make that it calls. Call when it is loaded.
void count_allocations_of(const char* path, bool libraries);
// The nth allocation of plugin code from now on fails, 1 being the next; 0: none. Only that one.
void fail_allocation(std::uint64_t nth);
// Whether it has failed.
bool allocation_failed();
// False in builds with a sanitizer, whose allocator must be the only one.
bool can_fail_allocations();

} // namespace polyvirt::conform
