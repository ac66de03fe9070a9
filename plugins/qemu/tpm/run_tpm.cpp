// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The process that plays a run's TPM.

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

// The emulator's end of the connection; none: the domain has no such TPM.
Result<UniqueFd> Run::start_tpm(const Domain& domain, pv_call* call) {
    const sdk::domain::Tpm* const tpm = emulated_tpm(domain);
    if (tpm == nullptr) return UniqueFd();
    PV_TRY(check(*tpm));
    PV_ASSIGN_OR_RETURN(const std::string program, find_program());
    PV_ASSIGN_OR_RETURN(const std::string folder, make_tpm_folder(s_.paths->dir(s_.host, PV_PATH_STATE), guest_->uuid, *tpm));
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot make a connection to the TPM");
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    const std::string log = log_path_.substr(0, log_path_.rfind('.')) + "-swtpm.log";
    plugin::Command command(tpm_command(program, folder, log, *tpm, kNumber));
    command.pass(theirs.get(), kNumber).output(log_.get(), log_.get());
    const auto kept = std::make_shared<plugin::ChildProcess>();
    *kept = plugin::ChildProcess::spawn(s_, call, command, loop_, [self = shared_from_this()](std::int32_t) {
        if (self->phase_ == Phase::running && !self->stopping_ && !self->exited_)
            log::error("run", "{}: the process of its TPM has ended", self->who());
    });
    if (!*kept) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot start '{}' for {}", program, who());
    try { // nobody would end it if the emulator is never started
        post([self = shared_from_this(), kept] { self->tpm_ = std::move(*kept); });
    } catch (...) {
        kept->signal(SIGTERM);
        throw;
    }
    return ours;
}

// It ends with the emulator by itself, unless that never spoke to it.
void Run::end_tpm() {
    if (tpm_) tpm_.signal(SIGTERM);
    tpm_.reset();
}

// Of a domain of which nothing is left.
void Run::forget_tpm_of(const Domain& last) const {
    if (emulated_tpm(last) == nullptr) return;
    if (const Status forgotten = forget_tpm(s_.paths->dir(s_.host, PV_PATH_STATE), last, 0); !forgotten)
        log::warning("run", "{}: {}", who(), forgotten.error().message);
}

} // namespace polyvirt::qemu
