// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// How an error is worded. Clients compare texts, so every message begins with the words that belong
// to its code; str1 is that pattern, str2 what was put into it.
//
//     return make_error(ErrorCode::no_domain, ErrorDomain::qemu, "no such name: '{}'", name);

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/result.h"

namespace polyvirt {

// The pattern of `code`, with one %s; "%s" for codes whose text stands for itself.
std::string_view error_pattern(ErrorCode code);

Error make_error_text(ErrorCode code, ErrorDomain domain, std::string detail);

template <typename... A>
Error make_error(ErrorCode code, ErrorDomain domain, fmt::format_string<A...> f, A&&... a) {
    return make_error_text(code, domain, fmt::format(f, std::forward<A>(a)...));
}

// system_error (38) from errno: "WHAT: strerror". int1 carries the errno, as the peer does it.
Error make_system_error(int errno_value, ErrorDomain domain, std::string_view what);

} // namespace polyvirt
