// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/state_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <vector>

#include <polyvirt/abi/state.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/uuid.h"
#include "host/plugin/folders.h"

namespace polyvirt::plugin {
namespace {

constexpr std::string_view kTemporary = ".pv-new-"; // + token of the daemon's run + "-" + number
constexpr std::string_view kBroken = ".broken";     // [.N]

// Tells this run's temporary files (being written) from those of a daemon that crashed.
const std::string& run_token() {
    static const std::string token = Uuid::random().to_string();
    return token;
}

std::string temporary_name() {
    static std::atomic<std::uint64_t> number{0};
    return fmt::format("{}{}-{}", kTemporary, run_token(), number.fetch_add(1));
}

bool is_broken_name(std::string_view name) {
    const std::size_t end = name.find_last_not_of("0123456789");
    if (end != std::string_view::npos && end + 1 < name.size() && name[end] == '.') name = name.substr(0, end);
    return name.size() > kBroken.size() && name.substr(name.size() - kBroken.size()) == kBroken;
}

// Why a part of a name is not allowed; empty if it is.
std::string_view part_fault(std::string_view part) {
    if (part.empty()) return "a part of it is empty";
    if (part.size() > StateStore::kMaxPart) return "a part of it is longer than 200 bytes";
    if (part == "." || part == "..") return "'.' and '..' are not allowed";
    if (part.find('\0') != std::string_view::npos) return "it holds a NUL";
    if (part.substr(0, kTemporary.size()) == kTemporary || is_broken_name(part)) return "that name is the host's";
    return {};
}

Error bad_name(std::string_view name, std::string_view why) {
    return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "state record '{}': {}", name, why);
}

Error store_error(std::string_view what, const std::string& path) {
    return make_system_error(errno, ErrorDomain::none, fmt::format("{} '{}'", what, path));
}

Status check_name(std::string_view name) {
    const std::size_t slash = name.find('/');
    if (const auto fault = part_fault(name.substr(0, slash)); !fault.empty()) return bad_name(name, fault);
    if (slash == std::string_view::npos) return {};
    const std::string_view rest = name.substr(slash + 1);
    if (rest.find('/') != std::string_view::npos) return bad_name(name, "it has more than one '/'");
    if (const auto fault = part_fault(rest); !fault.empty()) return bad_name(name, fault);
    return {};
}

Result<std::uint32_t> path_of_area(std::uint32_t area) {
    switch (area) {
    case PV_STATE_CONFIG: return std::uint32_t{PV_PATH_CONFIG};
    case PV_STATE_STATUS: return std::uint32_t{PV_PATH_RUN};
    case PV_STATE_DATA: return std::uint32_t{PV_PATH_STATE};
    case PV_STATE_CACHE: return std::uint32_t{PV_PATH_CACHE};
    default:
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "state area {} is unknown (1 to 4 are)", area);
    }
}

// A record of what runs outlives this daemon, not the machine: the page cache keeps it for that long.
bool outlives_machine(std::uint32_t area) { return area == PV_STATE_CONFIG || area == PV_STATE_DATA; }

bool write_all(int fd, std::string_view data) {
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

Result<std::string> read_all(int dir, const std::string& file, const std::string& path) {
    const UniqueFd fd(::openat(dir, file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) return store_error("cannot open", path);
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return store_error("cannot read", path);
    if (!S_ISREG(st.st_mode))
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "'{}' is not a regular file", path);
    if (static_cast<std::uint64_t>(st.st_size) > StateStore::kMaxRecord)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "'{}' has {} bytes, at most {} are read", path,
                          st.st_size, StateStore::kMaxRecord);
    std::string data(static_cast<std::size_t>(st.st_size) + 1, '\0');
    std::size_t have = 0;
    while (true) {
        const ssize_t n = ::read(fd.get(), data.data() + have, data.size() - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return store_error("cannot read", path);
        have += static_cast<std::size_t>(n);
        if (n == 0 || have == data.size()) break; // it grew: somebody else's doing; its start is what counts
    }
    data.resize(std::min(have, static_cast<std::size_t>(st.st_size)));
    return data;
}

// Names of the regular files of a folder; removes what a crashed writer left.
std::vector<std::string> list_records(int dir_fd, const std::string& dir_name) {
    std::vector<std::string> names;
    UniqueFd own(::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(own ? ::fdopendir(own.get()) : nullptr, ::closedir);
    if (!dir) return names;
    static_cast<void>(own.release());
    while (const dirent* entry = ::readdir(dir.get())) { // NOLINT(concurrency-mt-unsafe): a stream of our own
        const std::string name = entry->d_name;
        if (name.substr(0, kTemporary.size()) == kTemporary) {
            const bool ours = name.compare(kTemporary.size(), run_token().size(), run_token()) == 0;
            if (!ours && ::unlinkat(dir_fd, name.c_str(), 0) == 0)
                log::info("state", "{}/{}: left half written by an earlier run, removed", dir_name, name);
            continue;
        }
        struct stat st {};
        if (is_broken_name(name) || ::fstatat(dir_fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(st.st_mode)) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

Result<StateStore::Place> StateStore::open_folder(std::uint32_t area, std::string_view folder, bool make) {
    PV_ASSIGN_OR_RETURN(const std::uint32_t which, path_of_area(area));
    Place place;
    place.dir_name = folders_.name(which);
    if (make) {
        const auto dir = folders_.dir(which);
        if (!dir) return dir.error();
    }
    place.dir.reset(::open(place.dir_name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (place.dir && !folder.empty()) {
        const std::string name(folder);
        const int top = place.dir.get();
        place.dir_name += "/" + name;
        if (make) {
            const bool made = ::mkdirat(top, name.c_str(), 0700) == 0;
            if (!made && errno != EEXIST) return store_error("cannot make the folder", place.dir_name);
            if (made) ::fsync(top);
        }
        place.dir.reset(::openat(top, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    }
    if (!place.dir && (make || errno != ENOENT)) return store_error("cannot open the folder", place.dir_name);
    return place;
}

Result<StateStore::Place> StateStore::place(std::uint32_t area, std::string_view name, bool make) {
    PV_TRY(check_name(name));
    const std::size_t slash = name.find('/');
    const bool nested = slash != std::string_view::npos;
    PV_ASSIGN_OR_RETURN(Place place, open_folder(area, nested ? name.substr(0, slash) : std::string_view(), make));
    place.file = nested ? name.substr(slash + 1) : name;
    return place;
}

Status StateStore::put(std::uint32_t area, std::string_view name, std::string_view data) {
    if (data.size() > kMaxRecord) return bad_name(name, "more than 64 MiB of data");
    PV_ASSIGN_OR_RETURN(const Place at, place(area, name, true));
    const std::string temporary = temporary_name();
    const int dir = at.dir.get();
    const auto failed = [&](const char* what) {
        const Error error = store_error(what, at.path());
        ::unlinkat(dir, temporary.c_str(), 0);
        return error;
    };
    UniqueFd fd(::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return store_error("cannot write", at.path());
    const bool lasts = outlives_machine(area);
    if (!write_all(fd.get(), data) || (lasts && ::fsync(fd.get()) != 0)) return failed("cannot write");
    // Some file systems tell of a full disk only now.
    if (::close(fd.release()) != 0) return failed("cannot write");
    if (::renameat(dir, temporary.c_str(), dir, at.file.c_str()) != 0) return failed("cannot replace");
    if (lasts && ::fsync(dir) != 0) return store_error("cannot sync the folder of", at.path());
    return {};
}

Result<std::optional<std::string>> StateStore::get(std::uint32_t area, std::string_view name) {
    PV_ASSIGN_OR_RETURN(const Place at, place(area, name, false));
    if (!at.dir) return std::optional<std::string>();
    Result<std::string> data = read_all(at.dir.get(), at.file, at.path());
    if (data) return std::optional<std::string>(*std::move(data));
    if (data.error().int1 == ENOENT) return std::optional<std::string>();
    return std::move(data).error();
}

Status StateStore::del(std::uint32_t area, std::string_view name) {
    PV_ASSIGN_OR_RETURN(const Place at, place(area, name, false));
    if (!at.dir) return {};
    if (::unlinkat(at.dir.get(), at.file.c_str(), 0) != 0)
        return errno == ENOENT ? Status() : store_error("cannot remove", at.path());
    if (outlives_machine(area) && ::fsync(at.dir.get()) != 0)
        return store_error("cannot sync the folder of", at.path());
    return {};
}

Status StateStore::each(std::uint32_t area, std::string_view folder, const Visit& visit) {
    if (!folder.empty())
        if (const auto fault = part_fault(folder); !fault.empty() || folder.find('/') != std::string_view::npos)
            return bad_name(folder, fault.empty() ? "a folder is one part" : fault);
    PV_ASSIGN_OR_RETURN(const Place at, open_folder(area, folder, false));
    if (!at.dir) return {};
    for (const std::string& name : list_records(at.dir.get(), at.dir_name)) {
        const std::string path = at.dir_name + "/" + name;
        const Result<std::string> data = read_all(at.dir.get(), name, path);
        if (data) visit(name, *data);
        else log::error("state", "skipped: {}", data.error().message);
    }
    return {};
}

Status StateStore::set_aside(std::uint32_t area, std::string_view name, std::string_view why) {
    PV_ASSIGN_OR_RETURN(const Place at, place(area, name, false));
    if (!at.dir) return bad_name(name, "there is no such record");
    std::string to = at.file + std::string(kBroken);
    for (int n = 2; n < 1000; ++n) {
        if (::renameat2(at.dir.get(), at.file.c_str(), at.dir.get(), to.c_str(), RENAME_NOREPLACE) == 0) {
            log::error("state", "{}: set aside as {}: {}", at.path(), to, why);
            ::fsync(at.dir.get());
            return {};
        }
        if (errno != EEXIST) break;
        to = fmt::format("{}{}.{}", at.file, kBroken, n);
    }
    return store_error("cannot set aside", at.path());
}

} // namespace polyvirt::plugin
