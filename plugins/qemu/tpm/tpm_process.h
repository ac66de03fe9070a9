// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// TpmProcess: the program that plays a run's TPM, from before the emulator's start to after its end. Part of its Run.

#include <memory>
#include <string>

#include <polyvirt/process.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest.h"

namespace polyvirt::qemu {

class TpmProcess {
  public:
    // [worker] The emulator's end of the connection; none: the domain has no such TPM. What its programs say goes to a file of
    // its own beside the guest's log. `arrives`: what the TPM remembers comes with the guest's memory.
    Result<UniqueFd> start(const std::shared_ptr<Run>& run, const Domain& domain, const std::string& log_path, bool arrives, pv_call* call);
    // [loop] It ends with the emulator by itself, unless that never spoke to it.
    void end();

  private:
    plugin::ChildProcess process_; // on the loop
};

} // namespace polyvirt::qemu
