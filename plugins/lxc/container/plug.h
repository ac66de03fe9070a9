// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Interfaces that come into the network of a container which runs, and go. The same as its start makes of them, but by
// this driver: liblxc knows no way to it. Workers alone.
//
//     PV_TRY(name_ends(live, i, init));     // and write the description down: its owner is found after a crash
//     PV_TRY(join(s, call, live, i, init));
//     PV_TRY(leave(s, live.name, i, init));

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/domain/domain.h"

namespace polyvirt::lxc {

// Its port, its name inside, and what its end in the host would be called.
[[nodiscard]] Status name_ends(const sdk::domain::Domain& live, sdk::domain::Interface& i, std::int64_t init);
// Makes it, or nothing of it. Its end in the host has its name afterwards, if it has one.
[[nodiscard]] Status join(const plugin::Services& s, pv_call* call, const sdk::domain::Domain& live,
                          sdk::domain::Interface& i, std::int64_t init) PV_NO_LOCKS_HELD;
// Takes away what there is of it.
[[nodiscard]] Status leave(const plugin::Services& s, const std::string& domain, const sdk::domain::Interface& i,
                           std::int64_t init) PV_NO_LOCKS_HELD;
// Whether there is anything of it.
[[nodiscard]] bool joined(const sdk::domain::Interface& i, std::int64_t init);

// A device of the host's goes in, and comes back to where the daemon is.
[[nodiscard]] Status lend(const sdk::domain::Hostdev& device, std::int64_t init);
[[nodiscard]] Status take_back(const sdk::domain::Hostdev& device, std::int64_t init);

} // namespace polyvirt::lxc
