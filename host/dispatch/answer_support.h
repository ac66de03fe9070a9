// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the generated answers of the host (gen/host_answers.cpp) and the functions behind them share: lists of
// results as the wire carries them, and the reply of an op that is answered later.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error_text.h"
#include "host/dispatch/wire_call.h"
#include "host/dispatch/wire_objects.h"

namespace polyvirt::dispatch {

// Which objects the old-style calls want; the others have flags.
enum : std::uint32_t { HOST_WHICH_ALL = 0, HOST_WHICH_ACTIVE = 1, HOST_WHICH_INACTIVE = 2 };

// The reply's payload from an op's out.
template <typename Out> using Reply = Status (*)(WireCall& call, const Out& out, protocol::Encoder& encoder);

// At most `take` items; more than the wire's `limit` is an error.
template <typename From, typename To, typename F>
Status put_list(WireCall& call, const std::vector<From>& from, std::size_t take, std::size_t limit, const char* what,
                std::span<const To>& to, F convert) {
    const std::size_t n = std::min(take, from.size());
    if (n > limit)
        return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "Too many {} '{}' for limit '{}'", what, n, limit);
    const std::span<To> list = call.arena().make_array<To>(n);
    for (std::size_t i = 0; i < n; ++i) list[i] = convert(from[i]);
    to = list;
    return {};
}

template <typename Wire>
Status put_objects(WireCall& call, const std::vector<plugin::ObjectPtr>& from, std::size_t take, std::size_t limit,
                   const char* what, std::span<const Wire>& to) {
    return put_list(call, from, take, limit, what, to, [&](const plugin::ObjectPtr& o) { return to_wire<Wire>(call, *o); });
}

inline Status put_names(WireCall& call, const std::vector<plugin::ObjectPtr>& from, std::size_t take, std::size_t limit,
                        const char* what, std::span<const protocol::Str>& to) {
    return put_list(call, from, take, limit, what, to, [&](const plugin::ObjectPtr& o) { return call.keep(o->name); });
}

inline Status put_ids(WireCall& call, const std::vector<plugin::ObjectPtr>& from, std::size_t take, std::size_t limit,
                      const char* what, std::span<const std::int32_t>& to) {
    return put_list(call, from, take, limit, what, to, [](const plugin::ObjectPtr& o) { return o->dom_id; });
}

inline Status put_uuids(WireCall& call, const std::vector<plugin::ObjectPtr>& from, std::size_t take, std::size_t limit,
                        const char* what, std::span<const protocol::Str>& to) {
    return put_list(call, from, take, limit, what, to,
                    [&](const plugin::ObjectPtr& o) { return call.keep(o->uuid.to_string()); });
}

inline Status put_strings(WireCall& call, const std::vector<std::string>& from, std::size_t take, std::size_t limit,
                          const char* what, std::span<const protocol::Str>& to) {
    return put_list(call, from, take, limit, what, to, [&](const std::string& s) { return call.keep(s); });
}

} // namespace polyvirt::dispatch
