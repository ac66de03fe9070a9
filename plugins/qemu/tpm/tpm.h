// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// TPMs that a program beside the emulator plays: swtpm, one process a guest, on one end of a pair of sockets whose other
// end the emulator has. It ends when that does, whether or not there is a daemon to see to it.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// The TPM of a domain that a program has to play; null: none.
const sdk::domain::Tpm* emulated_tpm(const sdk::domain::Domain& domain);
// What such a TPM remembers, below the driver's folder of state: the domain's folder, and the one in it that is its owner's.
std::string tpm_folder(const std::string& state, const Uuid& uuid);
std::string tpm_kind_folder(const std::string& state, const Uuid& uuid, const sdk::domain::Tpm& tpm);
// With its domain, unless the domain or the client (flags of undefine) wants it kept.
Status forget_tpm(const std::string& state, const sdk::domain::Domain& domain, std::uint32_t undefine_flags);
// The command line; `fd`: the program's end of the connection, `log_fd`: where it says what it does.
std::vector<std::string> tpm_command(const std::string& program, const std::string& folder, const sdk::domain::Tpm& tpm, int fd, int log_fd);
// That of swtpm_setup: to make a TPM, and to choose its banks of PCRs before a start. Empty: the document leaves the choice.
std::vector<std::string> tpm_setup_command(const std::string& program, const std::string& folder, const sdk::domain::Domain& domain,
                                           const sdk::domain::Tpm& tpm);
std::vector<std::string> tpm_banks_command(const std::string& program, const std::string& folder, const sdk::domain::Tpm& tpm);

} // namespace polyvirt::qemu
