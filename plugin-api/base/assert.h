// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Two kinds of check, both always compiled in. Neither may test input.
//
// PV_ASSERT: the program cannot go on (a lock order broken, a table corrupt): says where and
// aborts.
//
// PV_BUG: our own mistake, but only this request is lost: counts, logs (the first thousand), and is
// true:
//     if (PV_BUG(slot == nullptr)) return Error{...};

#include <cstdint>

namespace polyvirt::detail {
[[noreturn]] void assert_failed(const char* what, const char* file, int line);
bool bug(bool condition, const char* what, const char* file, int line);
} // namespace polyvirt::detail

namespace polyvirt {
// How often PV_BUG found something since the start of the program.
std::uint64_t bug_count();
} // namespace polyvirt

#define PV_ASSERT(c) ((c) ? void() : ::polyvirt::detail::assert_failed(#c, __FILE__, __LINE__))
#define PV_BUG(c) ::polyvirt::detail::bug((c), #c, __FILE__, __LINE__)
