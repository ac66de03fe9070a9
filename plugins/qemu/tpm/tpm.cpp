// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tpm/tpm.h"

#include <cerrno>
#include <filesystem>

#include <sys/stat.h>

#include <polyvirt/abi/gen/constants.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

// What the two kinds remember has nothing in common.
bool is_old(const sdk::domain::Tpm& tpm) { return tpm.backend.version == "1.2"; }

} // namespace

const sdk::domain::Tpm* emulated_tpm(const sdk::domain::Domain& domain) {
    for (const auto& tpm : domain.devices.tpms)
        if (tpm.backend.type == "emulator") return &tpm;
    return nullptr;
}

std::string tpm_folder(const std::string& state, const Uuid& uuid) { return fmt::format("{}/tpm/{}", state, uuid.to_string()); }

Result<std::string> make_tpm_folder(const std::string& state, const Uuid& uuid, const sdk::domain::Tpm& tpm) {
    const std::string own = tpm_folder(state, uuid), kind = own + (is_old(tpm) ? "/tpm1.2" : "/tpm2");
    for (const std::string& folder : {state + "/tpm", own, kind})
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
            return make_system_error(errno, ErrorDomain::qemu, "cannot make the folder '" + folder + "'");
    return kind;
}

Status forget_tpm(const std::string& state, const sdk::domain::Domain& domain, std::uint32_t undefine_flags) {
    if (!domain.uuid || (undefine_flags & PV_DOMAIN_UNDEFINE_KEEP_TPM) != 0) return {};
    const sdk::domain::Tpm* const tpm = emulated_tpm(domain);
    const bool lasting = tpm != nullptr && tpm->backend.persistent_state == sdk::domain::YesNo::yes;
    if (lasting && (undefine_flags & PV_DOMAIN_UNDEFINE_TPM) == 0) return {};
    std::error_code error;
    const std::string folder = tpm_folder(state, *domain.uuid);
    std::filesystem::remove_all(folder, error);
    if (error) return make_system_error(error.value(), ErrorDomain::qemu, "cannot remove the folder '" + folder + "'");
    return {};
}

std::vector<std::string> tpm_command(const std::string& program, const std::string& folder, const std::string& log, const sdk::domain::Tpm& tpm,
                                     int fd) {
    std::vector<std::string> args = {program, "socket", "--ctrl", fmt::format("type=unixio,clientfd={}", fd), "--tpmstate",
                                     "dir=" + folder + ",mode=0600", "--log", "file=" + log, "--terminate"};
    if (!is_old(tpm)) args.emplace_back("--tpm2");
    return args;
}

} // namespace polyvirt::qemu
