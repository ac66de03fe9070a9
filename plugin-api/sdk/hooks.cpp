// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/hooks.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <dirent.h>
#include <polyvirt/process.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace polyvirt::sdk {
namespace {

constexpr const char* kCategory = "hooks";
constexpr std::size_t kMaxOutput = std::size_t{4} << 20;
constexpr std::size_t kMaxShown = 1000; // of what a script said

template <typename... A> Error failed(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::hook_script_failed, ErrorDomain::hook, f, std::forward<A>(a)...);
}

bool is_script(const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
    if (::access(path.c_str(), X_OK) == 0) return true;
    log::warning(kCategory, "'{}' is not executable, and not called", path);
    return false;
}

// Whoever may write it gets what the daemon may do.
Status check_owner(const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return failed("'{}' cannot be looked at: errno {}", path, errno);
    if (st.st_uid != 0 && st.st_uid != ::geteuid()) return failed("'{}' belongs to user {}, who is not the daemon's", path, st.st_uid);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) return failed("'{}' may be written by others than its owner (mode {:04o})", path, st.st_mode & 07777U);
    return {};
}

Result<UniqueFd> document_file(const std::string& text) {
    UniqueFd fd(::memfd_create("document", MFD_CLOEXEC));
    if (!fd) return make_system_error(errno, ErrorDomain::hook, "no memory for a hook's document");
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(fd.get(), text.data() + at, text.size() - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return make_system_error(errno, ErrorDomain::hook, "no memory for a hook's document");
        at += static_cast<std::size_t>(n);
    }
    if (::lseek(fd.get(), 0, SEEK_SET) != 0) return make_system_error(errno, ErrorDomain::hook, "a hook's document");
    return fd;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.size() > kMaxShown) text.resize(kMaxShown);
    return text;
}

} // namespace

Hooks::Hooks(const plugin::Services& s, Options options) : s_(s), options_(std::move(options)) {}

std::vector<std::string> Hooks::scripts() const {
    std::vector<std::string> found;
    const std::string main = options_.folder + "/" + options_.name;
    if (is_script(main)) found.push_back(main);
    const std::string folder = main + ".d";
    std::vector<std::string> more;
    if (DIR* const dir = ::opendir(folder.c_str()); dir != nullptr) {
        while (const dirent* const entry = ::readdir(dir)) // NOLINT(concurrency-mt-unsafe): a stream of this thread's own
            if (entry->d_name[0] != '.') more.emplace_back(entry->d_name);
        ::closedir(dir);
    }
    std::sort(more.begin(), more.end());
    for (const std::string& name : more)
        if (std::string path = folder + "/" + name; is_script(path)) found.push_back(std::move(path));
    return found;
}

Result<std::string> Hooks::run(const std::string& script, const HookCall& what) const {
    PV_TRY(check_owner(script));
    PV_ASSIGN_OR_RETURN(const UniqueFd document, document_file(what.document));
    plugin::Command command({script, what.object, what.operation, what.phase, what.extra});
    command.input(document.get()).env("LC_ALL=C").env("HOME=/").env("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    auto done = plugin::run_program(s_, nullptr, command, options_.timeout_ns, kMaxOutput);
    const std::string told = fmt::format("'{} {} {} {} {}'", script, what.object, what.operation, what.phase, what.extra);
    if (!done && done.error().code != ErrorCode::operation_timeout) return failed("{} cannot be run", told);
    if (!done) return failed("{} did not end within {} s, and was killed", told, options_.timeout_ns / 1'000'000'000);
    const int status = done->wait_status;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::move(done->out);
    const std::string said = trimmed(done->err.empty() ? done->out : done->err);
    const std::string how = WIFEXITED(status) ? fmt::format("unexpected exit status {}", WEXITSTATUS(status)) : fmt::format("killed by signal {}", WTERMSIG(status));
    return failed("{}: {}{}{}", told, how, said.empty() ? "" : ": ", said);
}

Status Hooks::call(const HookCall& what, std::string* output) const {
    for (const std::string& script : scripts()) {
        PV_ASSIGN_OR_RETURN(const std::string out, run(script, what));
        if (output != nullptr) *output += out;
        else if (!out.empty()) log::info(kCategory, "{}: {}", script, trimmed(out));
    }
    return {};
}

Result<std::string> Hooks::filter(HookCall what) const {
    for (const std::string& script : scripts()) {
        PV_ASSIGN_OR_RETURN(std::string out, run(script, what));
        if (!trimmed(out).empty()) what.document = std::move(out);
    }
    return std::move(what.document);
}

std::string hooks_folder(const std::string& config_folder, const std::string& id) {
    const std::size_t at = config_folder.rfind("/" + id);
    return (at == std::string::npos ? config_folder : config_folder.substr(0, at)) + "/hooks";
}

} // namespace polyvirt::sdk
