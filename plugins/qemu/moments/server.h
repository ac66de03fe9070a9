// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where a pulled backup is served. The daemon listens and hands the socket to the emulator, which may neither make files in
// others' folders nor bind low ports.

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sdk/domain/snapshot.h"

namespace polyvirt::qemu {

struct ServerPlace {
    std::string socket;     // path; empty: by TCP
    std::string host, port;
};
// Of <server>; localhost:10809 where it says nothing. Errors: config_unsupported, xml_error.
Result<ServerPlace> server_place(const sdk::domain::Backup& backup);
// Worker. Error: system_error.
Result<UniqueFd> listen_at(const ServerPlace& place);

} // namespace polyvirt::qemu
