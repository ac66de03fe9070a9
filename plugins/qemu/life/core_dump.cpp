// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "life/core_dump.h"

#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "monitor/json.h"

namespace polyvirt::qemu {
namespace {

constexpr std::int64_t kDumpTimeout = 3600 * Monitor::kSecond; // of a large guest on a slow disk

std::string file_for(const std::string& folder, const std::string& guest) {
    const std::time_t now = std::time(nullptr);
    tm parts{};
    ::localtime_r(&now, &parts);
    std::string safe = guest.substr(0, 100);
    for (char& c : safe)
        if (c == '/') c = '_';
    return fmt::format("{}/{}-{:04}-{:02}-{:02}-{:02}:{:02}:{:02}", folder, safe, parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Result<std::string> dump_folder(Driver& driver) {
    std::string folder = driver.settings().dump_folder;
    if (folder.empty()) {
        const char* const state = driver.services().paths->dir(driver.services().host, PV_PATH_STATE);
        if (state == nullptr) return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the host has no folder for dumps");
        folder = fmt::format("{}/dump", state);
    }
    if (::mkdir(folder.c_str(), 0711) != 0 && errno != EEXIST)
        return make_system_error(errno, ErrorDomain::qemu, "cannot make the folder '" + folder + "'");
    return folder;
}

// The emulator's for as long as it writes, so that it can open it.
Status make_file(const std::string& path, const Identity& who) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd || (who.changes && ::fchown(fd.get(), who.uid, who.gid) != 0))
        return make_system_error(errno, ErrorDomain::qemu, "cannot create file '" + path + "'");
    return {};
}

} // namespace

sdk::Task<Status> dump_core(std::shared_ptr<Run> run) {
    Driver& driver = run->driver();
    PV_CO_TRY(co_await sdk::on_worker(driver.services(), run->guest()->strand));
    PV_CO_ASSIGN_OR_RETURN(const std::string folder, dump_folder(driver));
    const std::string path = file_for(folder, run->guest()->name);
    PV_CO_TRY(make_file(path, run->identity()));
    const auto any = [](const Json&) { return true; };
    auto completed = co_await run->expect("DUMP_COMPLETED", any);
    PV_CO_TRY(completed);
    Json arguments = {{"paging", false}, {"protocol", "file:" + path}, {"detach", true}};
    const auto begun = co_await run->qmp("dump-guest-memory", std::move(arguments));
    PV_CO_TRY(begun);
    const auto end = co_await run->wait(*completed, kDumpTimeout);
    PV_CO_TRY(co_await sdk::on_worker(driver.services(), run->guest()->strand));
    if (::chown(path.c_str(), ::geteuid(), ::getegid()) != 0) log::warning("run", "'{}' stays the emulator's: errno {}", path, errno);
    PV_CO_TRY(end);
    const std::string error = text_of(*end, "error");
    if (!error.empty())
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "dump of domain '{}' failed: {}", run->guest()->name, error);
    log::info("run", "domain '{}': its memory is in '{}'", run->guest()->name, path);
    co_return Status();
}

} // namespace polyvirt::qemu
