// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What an emulated TPM remembers, on disk. It is made once, by swtpm_setup, as a factory would: with keys and with certificates of
// the host's. That happens under another name, so that a daemon which dies meanwhile leaves no half of a TPM.

#include <string>
#include <string_view>

#include <polyvirt/services.h>

#include "base/result.h"
#include "ownership/identity.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

struct TpmPlace {
    std::string state;    // the driver's folder
    Identity who;         // as whom the TPM's programs run
    int log_fd = -1;      // takes what they say
    bool arrives = false; // what it remembers comes with the guest's memory: nothing is made, nothing chosen
};

// Where one of swtpm's programs is. Errors: internal_error.
Result<std::string> find_tpm_program(std::string_view name);
// The folder of the domain's TPM, made at first use, with the banks of PCRs active that the document chooses. Worker; takes
// a second or two. Errors: system_error; internal_error with what the program said.
Result<std::string> prepare_tpm(const plugin::Services& s, pv_call* call, const TpmPlace& place, const sdk::domain::Domain& domain,
                                const sdk::domain::Tpm& tpm);

} // namespace polyvirt::qemu
