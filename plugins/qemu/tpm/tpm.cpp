// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tpm/tpm.h"

#include <filesystem>
#include <string_view>
#include <utility>

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

std::string tpm_kind_folder(const std::string& state, const Uuid& uuid, const sdk::domain::Tpm& tpm) {
    return tpm_folder(state, uuid) + (is_old(tpm) ? "/tpm1.2" : "/tpm2");
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

std::vector<std::string> tpm_command(const std::string& program, const std::string& folder, const sdk::domain::Tpm& tpm, int fd, int log_fd) {
    std::vector<std::string> args = {program, "socket", "--ctrl", fmt::format("type=unixio,clientfd={}", fd), "--tpmstate",
                                     "dir=" + folder + ",mode=0600", "--log", fmt::format("fd={}", log_fd), "--terminate"};
    if (!is_old(tpm)) args.emplace_back("--tpm2");
    return args;
}

std::vector<std::string> tpm_setup_command(const std::string& program, const std::string& folder, const sdk::domain::Domain& domain,
                                           const sdk::domain::Tpm& tpm) {
    std::vector<std::string> args = {program, "--tpm-state", folder, "--vmid", fmt::format("{}:{}", domain.name, domain.uuid->to_string()),
                                     "--createek", "--create-ek-cert", "--create-platform-cert", "--lock-nvram", "--not-overwrite"};
    if (!is_old(tpm)) args.emplace_back("--tpm2");
    return args;
}

std::vector<std::string> tpm_banks_command(const std::string& program, const std::string& folder, const sdk::domain::Tpm& tpm) {
    const auto& banks = tpm.backend.active_pcr_banks;
    const std::pair<bool, std::string_view> all[] = {{banks.sha1, "sha1"}, {banks.sha256, "sha256"}, {banks.sha384, "sha384"}, {banks.sha512, "sha512"}};
    std::string chosen;
    for (const auto& [active, name] : all) {
        if (active) chosen.append(chosen.empty() ? "" : ",").append(name);
    }
    if (chosen.empty()) return {};
    return {program, "--tpm2", "--tpm-state", folder, "--pcr-banks", chosen, "--reconfigure"};
}

} // namespace polyvirt::qemu
