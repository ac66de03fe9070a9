// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tpm/tpm_process.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "run.h"
#include "tpm/tpm.h"
#include "tpm/tpm_state.h"

namespace polyvirt::qemu {
namespace {

constexpr int kNumber = 3, kLogNumber = 4; // of socket and log, in the program

Result<UniqueFd> open_log(const std::string& guest_log) {
    const std::string path = guest_log.substr(0, guest_log.rfind('.')) + "-swtpm.log";
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return make_system_error(errno, ErrorDomain::qemu, "cannot open the log file '" + path + "'");
    return fd;
}

} // namespace

Result<UniqueFd> TpmProcess::start(const std::shared_ptr<Run>& run, const Domain& domain, const std::string& log_path, bool arrives,
                                   pv_call* call) {
    const sdk::domain::Tpm* const tpm = emulated_tpm(domain);
    if (tpm == nullptr) return UniqueFd();
    const plugin::Services& s = run->services();
    const std::string who = "domain '" + run->guest()->name + "'";
    if (!tpm->backend.encryption_secret.empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "an encrypted TPM state needs secrets, which this version has not");
    PV_ASSIGN_OR_RETURN(const std::string program, find_tpm_program("swtpm"));
    PV_ASSIGN_OR_RETURN(const UniqueFd log, open_log(log_path));
    const Identity& user = run->driver().confinement().tpm_identity();
    const TpmPlace place{.state = s.paths->dir(s.host, PV_PATH_STATE), .who = user, .log_fd = log.get(), .arrives = arrives};
    PV_ASSIGN_OR_RETURN(const std::string folder, prepare_tpm(s, call, place, domain, *tpm));
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot make a connection to the TPM");
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    plugin::Command command(tpm_command(program, folder, *tpm, kNumber, kLogNumber));
    command.pass(theirs.get(), kNumber).pass(log.get(), kLogNumber).output(log.get(), log.get()).no_capabilities();
    if (user.changes) command.user(user.uid, user.gid).groups(user.groups);
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
