// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tpm/tpm_state.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <polyvirt/process.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "launch/remove.h"
#include "tpm/tpm.h"

namespace polyvirt::qemu {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kPatience = 60'000'000'000;

Error failed(const std::string& what, const std::string& path) {
    return make_system_error(errno, ErrorDomain::qemu, fmt::format("cannot {} '{}'", what, path));
}

// Those on the way to a TPM's own folder: who runs it must be able to pass.
Status make_passage(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0711) != 0 && errno != EEXIST) return failed("make the folder", folder);
    return ::chmod(folder.c_str(), 0711) == 0 ? Status() : failed("open the folder", folder);
}

Status make_own(const std::string& folder, const Identity& who) {
    if (::mkdir(folder.c_str(), 0700) != 0) return failed("make the folder", folder);
    if (!who.changes || ::chown(folder.c_str(), who.uid, who.gid) == 0) return {};
    return failed("give away the folder", folder);
}

// One that was made when the program ran as somebody else.
Status take_over(const std::string& folder, const Identity& who) {
    struct stat st {};
    if (::lstat(folder.c_str(), &st) != 0) return failed("look at the folder", folder);
    if (!who.changes || (st.st_uid == who.uid && st.st_gid == who.gid)) return {};
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (::lchown(it->path().c_str(), who.uid, who.gid) != 0) return failed("give away", it->path());
    if (error) return make_system_error(error.value(), ErrorDomain::qemu, "cannot read the folder '" + folder + "'");
    return ::lchown(folder.c_str(), who.uid, who.gid) == 0 ? Status() : failed("give away the folder", folder);
}

class Setup {
  public:
    Setup(const plugin::Services& s, pv_call* call, const TpmPlace& place) : s_(s), call_(call), place_(place) {}

    Status run(std::vector<std::string> args) const {
        plugin::Command command(std::move(args));
        command.no_capabilities();
        if (place_.who.changes) command.user(place_.who.uid, place_.who.gid).groups(place_.who.groups);
        PV_ASSIGN_OR_RETURN(const plugin::ProgramResult end, plugin::run_program(s_, call_, command, kPatience));
        std::string said = end.out + end.err;
        if (place_.log_fd >= 0 && ::write(place_.log_fd, said.data(), said.size()) < 0)
            log::warning("tpm", "what swtpm_setup said cannot be logged: errno {}", errno);
        if (end.wait_status == 0) return {};
        while (!said.empty() && said.back() == '\n') said.pop_back();
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Could not run '{}'. exitstatus: {}: {}", command.argv().front(),
                          WIFEXITED(end.wait_status) ? WEXITSTATUS(end.wait_status) : -1, said);
    }

  private:
    const plugin::Services& s_;
    pv_call* const call_;
    const TpmPlace& place_;
};

// What daemons that died have left half made.
void clear_unfinished(const std::string& folder) {
    std::error_code error;
    const fs::path whole(folder);
    const std::string stem = whole.filename().string() + ".new";
    for (fs::directory_iterator it(whole.parent_path(), error), end; !error && it != end; it.increment(error))
        if (it->path().filename().string().starts_with(stem)) remove_tree(it->path());
}

Status manufacture(const Setup& setup, const TpmPlace& place, const std::string& program, const std::string& folder,
                   const sdk::domain::Domain& domain, const sdk::domain::Tpm& tpm) {
    clear_unfinished(folder);
    const std::string fresh = fmt::format("{}.new{}", folder, ::getpid());
    Status made = make_own(fresh, place.who);
    if (made && !place.arrives) made = setup.run(tpm_setup_command(program, fresh, domain, tpm));
    if (made && ::rename(fresh.c_str(), folder.c_str()) != 0) made = failed("rename the folder", fresh);
    if (!made) remove_tree(fresh);
    return made;
}

} // namespace

Result<std::string> find_tpm_program(std::string_view name) {
    for (const char* folder : {"/usr/bin", "/usr/local/bin", "/bin"}) {
        std::string path = fmt::format("{}/{}", folder, name);
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Unable to find '{}' binary in $PATH", name);
}

Result<std::string> prepare_tpm(const plugin::Services& s, pv_call* call, const TpmPlace& place, const sdk::domain::Domain& domain,
                                const sdk::domain::Tpm& tpm) {
    PV_ASSIGN_OR_RETURN(const std::string program, find_tpm_program("swtpm_setup"));
    const Setup setup(s, call, place);
    PV_TRY(make_passage(place.state + "/tpm"));
    PV_TRY(make_passage(tpm_folder(place.state, *domain.uuid)));
    std::string folder = tpm_kind_folder(place.state, *domain.uuid, tpm);
    if (::access(folder.c_str(), F_OK) == 0) PV_TRY(take_over(folder, place.who));
    else PV_TRY(manufacture(setup, place, program, folder, domain, tpm));
    const std::vector<std::string> banks = tpm_banks_command(program, folder, tpm);
    if (!banks.empty() && !place.arrives) PV_TRY(setup.run(banks));
    return folder;
}

} // namespace polyvirt::qemu
