// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tpm/tpm_process.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "run.h"
#include "tpm/tpm.h"

namespace polyvirt::qemu {
namespace {

constexpr int kNumber = 3; // of the socket, in the program

Result<std::string> find_program() {
    for (const char* path : {"/usr/bin/swtpm", "/usr/local/bin/swtpm", "/bin/swtpm"})
        if (::access(path, X_OK) == 0) return std::string(path);
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Unable to find 'swtpm' binary in $PATH");
}

// What it would have to be told in ways that are not built yet.
Status check(const sdk::domain::Tpm& tpm) {
    if (!tpm.backend.encryption_secret.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "an encrypted TPM state needs secrets, which this version has not");
    const auto& banks = tpm.backend.active_pcr_banks;
    if (banks.sha1 || banks.sha256 || banks.sha384 || banks.sha512)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "a choice of active PCR banks is not supported by this version");
    return {};
}

} // namespace

Result<UniqueFd> TpmProcess::start(const std::shared_ptr<Run>& run, const Domain& domain, const std::string& log_path, int log_fd,
                                   pv_call* call) {
    const sdk::domain::Tpm* const tpm = emulated_tpm(domain);
    if (tpm == nullptr) return UniqueFd();
    const plugin::Services& s = run->services();
    const std::string who = "domain '" + run->guest()->name + "'";
    PV_TRY(check(*tpm));
    PV_ASSIGN_OR_RETURN(const std::string program, find_program());
    PV_ASSIGN_OR_RETURN(const std::string folder, make_tpm_folder(s.paths->dir(s.host, PV_PATH_STATE), run->guest()->uuid, *tpm));
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot make a connection to the TPM");
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    const std::string log = log_path.substr(0, log_path.rfind('.')) + "-swtpm.log";
    plugin::Command command(tpm_command(program, folder, log, *tpm, kNumber));
    command.pass(theirs.get(), kNumber).output(log_fd, log_fd);
    const auto kept = std::make_shared<plugin::ChildProcess>();
    *kept = plugin::ChildProcess::spawn(s, call, command, run->loop(), [weak = std::weak_ptr(run), who](std::int32_t) {
        const auto alive = weak.lock();
        if (alive && alive->check_running()) log::error("run", "{}: the process of its TPM has ended", who);
    });
    if (!*kept) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot start '{}' for {}", program, who);
    try { // nobody would end it if the emulator is never started
        run->loop().post([this, run, kept] { process_ = std::move(*kept); });
    } catch (...) {
        kept->signal(SIGTERM);
        throw;
    }
    return ours;
}

void TpmProcess::end() {
    if (process_) process_.signal(SIGTERM);
    process_.reset();
}

} // namespace polyvirt::qemu
