// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is in volumes: resized, wiped, copied.

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "helper.h"

namespace polyvirt::storage::helper {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

Error failed(const char* what, const std::string& path) {
    return make_system_error(errno, ErrorDomain::storage, fmt::format("{} '{}'", what, path));
}

struct Opened {
    UniqueFd fd;
    std::uint64_t size = 0;
    bool regular = false;
    struct stat st {};
};
Result<Opened> open_volume(const std::string& path, int mode) {
    Opened v;
    v.fd = UniqueFd(::open(path.c_str(), mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!v.fd || ::fstat(v.fd.get(), &v.st) != 0) return failed("cannot open volume", path);
    v.regular = S_ISREG(v.st.st_mode);
    if (!v.regular && !S_ISBLK(v.st.st_mode))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "'{}' is neither a regular file nor a block device", path);
    v.size = static_cast<std::uint64_t>(v.st.st_size);
    if (!v.regular && ::ioctl(v.fd.get(), BLKGETSIZE64, &v.size) != 0) return failed("cannot find the size of", path);
    return v;
}

Status write_zeros(int fd, std::uint64_t at, std::uint64_t end, const std::string& path) {
    const std::vector<char> zeros(kPiece);
    while (at < end) {
        const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end - at));
        const ssize_t n = ::pwrite(fd, zeros.data(), piece, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return failed("failed to write zeros to", path);
        at += static_cast<std::uint64_t>(n);
    }
    return {};
}

Status copy_piece(int from, int to, std::uint64_t at, std::uint64_t end, const std::string& path) {
    std::vector<char> buffer(kPiece);
    while (at < end) {
        const ssize_t got = ::pread(from, buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end - at)), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("failed reading for", path);
        if (got == 0) return {}; // it has become shorter
        for (ssize_t done = 0; done < got;) {
            const ssize_t n = ::pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done), static_cast<off_t>(at) + done);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failed("failed writing to", path);
            done += n;
        }
        at += static_cast<std::uint64_t>(got);
    }
    return {};
}

// Holes stay holes in a file; a device may hold anything, so there they are written.
Status copy_all(const Opened& from, const Opened& to, std::uint64_t length, const std::string& path) {
    for (std::uint64_t at = 0; at < length;) {
        const off_t data = ::lseek(from.fd.get(), static_cast<off_t>(at), SEEK_DATA);
        const bool seeks = data >= 0 || errno == ENXIO;
        const std::uint64_t begin = !seeks ? at : data < 0 ? length : std::min<std::uint64_t>(static_cast<std::uint64_t>(data), length);
        if (begin > at && !to.regular) PV_TRY(write_zeros(to.fd.get(), at, begin, path));
        const off_t hole = seeks && begin < length ? ::lseek(from.fd.get(), static_cast<off_t>(begin), SEEK_HOLE) : -1;
        const std::uint64_t end = hole < 0 ? length : std::min<std::uint64_t>(static_cast<std::uint64_t>(hole), length);
        PV_TRY(copy_piece(from.fd.get(), to.fd.get(), begin, end, path));
        at = std::max(end, begin);
    }
    return {};
}

Status copy_into(const Opened& from, const Opened& to, const Facts& in, const std::string& path) {
    const std::uint64_t capacity = in.number("capacity");
    if (in.flag("reflink")) {
        if (::ioctl(to.fd.get(), FICLONE, from.fd.get()) != 0) return failed("failed to clone files from", in.text("from"));
    } else {
        PV_TRY(copy_all(from, to, std::min(from.size, to.regular ? from.size : to.size), path));
    }
    if (!to.regular) return ::fsync(to.fd.get()) == 0 ? Status() : Status(failed("cannot sync data to", path));
    if (::ftruncate(to.fd.get(), static_cast<off_t>(std::max(capacity, from.size))) != 0) return failed("cannot extend file", path);
    const std::uint64_t allocation = std::min(in.number("allocation"), std::max(capacity, from.size));
    if (allocation > 0 && !in.flag("reflink") && ::fallocate(to.fd.get(), 0, 0, static_cast<off_t>(allocation)) != 0 && errno != EOPNOTSUPP)
        return failed("cannot allocate room in file", path);
    return {};
}

} // namespace

Result<Answer> resize(const Facts& in) {
    const std::string path = in.text("path");
    PV_ASSIGN_OR_RETURN(const Opened v, open_volume(path, O_RDWR));
    const std::uint64_t capacity = in.number("capacity");
    if (!v.regular) return make_error(ErrorCode::operation_unsupported, ErrorDomain::storage, "'{}' is a block device", path);
    if (capacity > INT64_MAX || ::ftruncate(v.fd.get(), static_cast<off_t>(capacity)) != 0) return failed("Failed to truncate file", path);
    if (!in.flag("allocate") || capacity <= v.size) return Answer();
    if (::fallocate(v.fd.get(), 0, static_cast<off_t>(v.size), static_cast<off_t>(capacity - v.size)) == 0) return Answer();
    if (errno != EOPNOTSUPP) return failed("Failed to pre-allocate space for file", path);
    PV_TRY(write_zeros(v.fd.get(), v.size, capacity, path));
    return Answer();
}

Result<Answer> wipe(const Facts& in) {
    const std::string path = in.text("path");
    PV_ASSIGN_OR_RETURN(const Opened v, open_volume(path, O_RDWR));
    // With holes there is nothing to keep on the disk: cut to nothing and made long again it reads as zeros.
    if (v.regular && static_cast<std::uint64_t>(v.st.st_blocks) < v.size / 512) {
        if (::ftruncate(v.fd.get(), 0) != 0 || ::ftruncate(v.fd.get(), static_cast<off_t>(v.size)) != 0)
            return failed("Failed to truncate volume with path", path);
    } else {
        PV_TRY(write_zeros(v.fd.get(), 0, v.size, path));
    }
    if (::fsync(v.fd.get()) != 0) return failed("cannot sync data to volume with path", path);
    return Answer();
}

Result<Answer> copy(const Facts& in) {
    const std::string path = in.text("path"), part = in.text("part");
    PV_ASSIGN_OR_RETURN(const Opened from, open_volume(in.text("from"), O_RDONLY));
    if (in.flag("device")) {
        PV_ASSIGN_OR_RETURN(const Opened to, open_volume(path, O_RDWR));
        PV_TRY(copy_into(from, to, in, path));
        return Answer();
    }
    Opened to;
    to.regular = true;
    to.fd = UniqueFd(::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!to.fd) return failed("Failed to create file", path);
    Status made = copy_into(from, to, in, path);
    if (made) made = set_permissions(to.fd.get(), in, path, 0600);
    if (made && ::fsync(to.fd.get()) != 0) made = failed("cannot sync", path);
    if (made) made = give_name(part, path);
    if (made) return Answer();
    ::unlink(part.c_str());
    return std::move(made).error();
}

} // namespace polyvirt::storage::helper
