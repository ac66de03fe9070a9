// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tpm/tpm_device.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

// Where a command that the TPM is at is called off. Kernels have it in one class or the other; what has none takes no cancelling.
std::string cancel_path(const std::string& device) {
    const std::string name = device.substr(device.rfind('/') + 1);
    for (const char* kind : {"misc", "tpm"}) {
        std::string path = fmt::format("/sys/class/{}/{}/device/cancel", kind, name);
        if (::access(path.c_str(), F_OK) == 0) return path;
    }
    return "/dev/null";
}

} // namespace

Result<TpmDevice> open_tpm_device(const sdk::domain::Domain& domain) {
    TpmDevice tpm;
    for (const auto& one : domain.devices.tpms) {
        if (one.backend.type != "passthrough") continue;
        const std::string& path = one.backend.device;
        tpm.device = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
        if (!tpm.device) return make_system_error(errno, ErrorDomain::none, "Could not open TPM device " + path);
        const std::string cancel = cancel_path(path);
        tpm.cancel = UniqueFd(::open(cancel.c_str(), O_WRONLY | O_CLOEXEC));
        if (!tpm.cancel) return make_system_error(errno, ErrorDomain::none, "Could not open TPM device's cancel path " + cancel);
    }
    return tpm;
}

} // namespace polyvirt::qemu
