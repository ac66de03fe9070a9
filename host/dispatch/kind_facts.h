// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What clients know of each kind of object: the words and numbers of its errors.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::plugin {
class Instance;
}

namespace polyvirt::dispatch {

struct KindFacts {
    ErrorCode none;     // "there is no such object"
    ErrorDomain domain; // none: the driver's own
    const char* noun;
    const char* by_name; // pattern of the complaint, with one {} for the name
    const char* part;    // the part of the peer that answers, as its function names begin; "": the driver's own
};
const KindFacts& facts_of(std::uint32_t kind);

// `driver`: the domain of the driver that was asked, for kinds without one of their own.
ErrorDomain error_domain_of(std::uint32_t kind, ErrorDomain driver);
Error no_such_object(std::uint32_t kind, ErrorDomain driver, std::string detail);
Error no_such_name(std::uint32_t kind, ErrorDomain driver, std::string_view name);

// Flags beyond `known`, in the peer's words: "unsupported flags (0x8) in function networkConnectListAllNetworks".
[[nodiscard]] Status check_flags(const protocol::ProcInfo& proc, std::uint32_t kind, const plugin::Instance& driver,
                                 std::uint32_t flags, std::uint32_t known);

} // namespace polyvirt::dispatch
