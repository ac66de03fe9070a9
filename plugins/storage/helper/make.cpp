// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Files and folders come and go. A file is made under another name (part_name.h) and gets its own when it is whole, so
// that nobody sees half of one, and nothing that was there before is ever taken for ours.

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "helper.h"

namespace polyvirt::storage::helper {

namespace {

template <typename... A> Error system_failure(int error, fmt::format_string<A...> f, A&&... a) {
    return make_system_error(error, ErrorDomain::storage, fmt::format(f, std::forward<A>(a)...));
}

Status forbid_cow(int fd, const std::string& path) {
    struct statfs sb {};
    if (::fstatfs(fd, &sb) != 0) return system_failure(errno, "cannot statfs '{}'", path);
    if (static_cast<unsigned long>(sb.f_type) != BTRFS_SUPER_MAGIC)
        return system_failure(ENOSYS, "unable to control COW flag on '{}', not btrfs", path);
    int flags = 0;
    if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return system_failure(errno, "unable to get the flags of '{}'", path);
    flags |= FS_NOCOW_FL;
    if (::ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0) return system_failure(errno, "unable to set the COW flag of '{}'", path);
    return {};
}

Status fill(int fd, std::uint64_t length) {
    const std::vector<char> zeros(std::size_t{1} << 20);
    for (std::uint64_t at = 0; at < length;) {
        const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), length - at));
        const ssize_t n = ::pwrite(fd, zeros.data(), piece, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return system_failure(errno, "cannot fill file");
        at += static_cast<std::uint64_t>(n);
    }
    return {};
}

Status take_room(int fd, std::uint64_t length, const std::string& path) {
    if (length == 0 || ::fallocate(fd, 0, 0, static_cast<off_t>(length)) == 0) return {};
    if (errno != EOPNOTSUPP && errno != ENOSYS) return system_failure(errno, "cannot allocate {} bytes in file '{}'", length, path);
    return fill(fd, length);
}

Status make_contents(int fd, const Facts& in, const std::string& path) {
    const std::uint64_t capacity = in.number("capacity"), allocation = std::min(in.number("allocation"), capacity);
    if (in.flag("nocow")) PV_TRY(forbid_cow(fd, path));
    if (capacity > INT64_MAX || ::ftruncate(fd, static_cast<off_t>(capacity)) != 0)
        return system_failure(capacity > INT64_MAX ? EFBIG : errno, "cannot extend file '{}'", path);
    PV_TRY(take_room(fd, allocation, path));
    return set_permissions(fd, in, path, 0600);
}

// What was made stays made: written out before anybody is told of it.
Status finish(UniqueFd fd, const std::string& part, const std::string& path) {
    if (::fsync(fd.get()) != 0) return system_failure(errno, "cannot sync '{}'", path);
    return give_name(part, path);
}

Status remove_one(const std::string& path, bool folder) {
    if ((folder ? ::rmdir(path.c_str()) : ::unlink(path.c_str())) == 0 || errno == ENOENT) return {};
    return system_failure(errno, "cannot {} '{}'", folder ? "remove directory" : "unlink file", path);
}

} // namespace

Status set_permissions(int fd, const Facts& in, const std::string& path, unsigned usual) {
    const auto id = [&](const char* key) { return in.has(key) ? static_cast<uid_t>(in.number(key)) : static_cast<uid_t>(-1); };
    const uid_t owner = id("owner");
    const gid_t group = id("group");
    if ((owner != static_cast<uid_t>(-1) || group != static_cast<gid_t>(-1)) && ::fchown(fd, owner, group) != 0)
        return system_failure(errno, "unable to set user and group to '{}:{}' on '{}'", static_cast<std::int32_t>(owner),
                              static_cast<std::int32_t>(group), path);
    if (::fchmod(fd, static_cast<mode_t>(in.number("mode", usual))) != 0) return system_failure(errno, "cannot set mode of '{}'", path);
    return {};
}

Status give_name(const std::string& part, const std::string& path) {
    int error = ::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
    // Not every file system has it; not every one of those has links.
    if (error == EINVAL || error == ENOSYS) {
        error = ::link(part.c_str(), path.c_str()) == 0 ? 0 : errno;
        if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS)
            error = ::access(path.c_str(), F_OK) == 0 ? EEXIST : ::rename(part.c_str(), path.c_str()) == 0 ? 0 : errno;
        ::unlink(part.c_str());
    }
    if (error == 0) return {};
    ::unlink(part.c_str());
    if (error == EEXIST)
        return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "volume target path '{}' already exists", path);
    return system_failure(error, "cannot give '{}' its name", path);
}

Result<Answer> make_file(const Facts& in) {
    const std::string part = in.text("part"), path = in.text("path");
    // Before the work; whoever comes in between is noticed when it gets its name.
    if (::access(path.c_str(), F_OK) == 0)
        return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "volume target path '{}' already exists", path);
    UniqueFd fd(::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return system_failure(errno, "Failed to create file '{}'", path);
    Status made = make_contents(fd.get(), in, path);
    if (made) made = finish(std::move(fd), part, path);
    if (made) return Answer();
    ::unlink(part.c_str());
    return std::move(made).error();
}

Result<Answer> make_folder(const Facts& in) {
    const std::string path = in.text("path");
    if (::mkdir(path.c_str(), 0700) != 0) return system_failure(errno, "error creating directory '{}'", path);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    Status set = fd ? set_permissions(fd.get(), in, path, 0600) : Status(system_failure(errno, "cannot open '{}'", path));
    if (set) return Answer();
    ::rmdir(path.c_str());
    return std::move(set).error();
}

Result<Answer> publish(const Facts& in) {
    const std::string part = in.text("part"), path = in.text("path");
    UniqueFd fd(::open(part.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    Status made = fd ? set_permissions(fd.get(), in, path, 0600) : Status(system_failure(errno, "cannot open '{}'", part));
    if (made) made = finish(std::move(fd), part, path);
    if (made) return Answer();
    ::unlink(part.c_str());
    return std::move(made).error();
}

Result<Answer> remove(const Facts& in) {
    const std::string path = in.text("path");
    PV_TRY(remove_one(path, in.flag("folder")));
    return Answer();
}

Result<Answer> discard(const Facts& in) {
    PV_TRY(remove_one(in.text("path"), false));
    return Answer();
}

Result<Answer> make_pool(const Facts& in) {
    const std::string path = in.text("path");
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) return system_failure(error.value(), "cannot create path '{}'", path);
    const bool fresh = ::mkdir(path.c_str(), 0711) == 0;
    if (!fresh && errno != EEXIST) return system_failure(errno, "failed to create directory '{}'", path);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return system_failure(errno, "cannot open directory '{}'", path);
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return system_failure(errno, "cannot stat '{}'", path);
    // One that is there keeps its mode, unless another is asked for.
    PV_TRY(set_permissions(fd.get(), in, path, fresh ? 0711 : st.st_mode & 07777U));
    return Answer();
}

Result<Answer> remove_pool(const Facts& in) {
    const std::string path = in.text("path");
    if (::rmdir(path.c_str()) != 0) return system_failure(errno, "failed to remove pool '{}'", path);
    return Answer();
}

} // namespace polyvirt::storage::helper
