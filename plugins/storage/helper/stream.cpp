// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Contents of a volume to and from descriptor 4, in frames (frames.h).

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../frames.h"
#include "base/error_text.h"
#include "base/unique_fd.h"
#include "helper.h"

namespace polyvirt::storage::helper {

namespace {

constexpr int kStream = 4;

Error stream_failed(const char* what, const std::string& path) {
    return make_system_error(errno, ErrorDomain::storage, fmt::format("{} '{}'", what, path));
}

// Zero: the other end has gone.
std::size_t read_whole(int fd, void* to, std::size_t length) {
    std::size_t got = 0;
    while (got < length) {
        const ssize_t n = ::read(fd, static_cast<char*>(to) + got, length - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        got += static_cast<std::size_t>(n);
    }
    return got;
}
bool write_whole(int fd, const void* from, std::size_t length) {
    for (std::size_t done = 0; done < length;) {
        const ssize_t n = ::write(fd, static_cast<const char*>(from) + done, length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += static_cast<std::size_t>(n);
    }
    return true;
}

Error stream_gone() { return make_error(ErrorCode::operation_aborted, ErrorDomain::storage, "the stream of the volume has ended"); }

Status send_frame(FrameKind kind, std::uint64_t length, const char* bytes = nullptr) {
    const FrameHead head{kind, 0, length};
    if (!write_whole(kStream, &head, sizeof head) || (bytes != nullptr && !write_whole(kStream, bytes, static_cast<std::size_t>(length))))
        return stream_gone();
    return {};
}

// Up to where there is data, or a hole.
struct Run {
    std::uint64_t end;
    bool hole;
};
Run run_at(int fd, std::uint64_t at, std::uint64_t end) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0) return {end, errno == ENXIO};
    if (static_cast<std::uint64_t>(data) > at) return {std::min(static_cast<std::uint64_t>(data), end), true};
    const off_t hole = ::lseek(fd, static_cast<off_t>(at), SEEK_HOLE);
    return {hole < 0 ? end : std::min(static_cast<std::uint64_t>(hole), end), false};
}

// Where the bytes that come are put.
struct Target {
    int fd;
    const std::string& path;
    bool regular;
    std::uint64_t at, left;

    Status room(std::uint64_t length) {
        if (length <= left) return {};
        errno = ENOSPC;
        return stream_failed("cannot write to stream of", path);
    }
    Status write(const char* bytes, std::size_t length) {
        PV_TRY(room(length));
        for (std::size_t done = 0; done < length;) {
            const ssize_t n = ::pwrite(fd, bytes + done, length - done, static_cast<off_t>(at + done));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return stream_failed("cannot write to", path);
            done += static_cast<std::size_t>(n);
        }
        at += length;
        left -= length;
        return {};
    }
    Status skip(std::uint64_t length) {
        PV_TRY(room(length));
        struct stat st {};
        if (::fstat(fd, &st) != 0) return stream_failed("cannot stat", path);
        const auto size = static_cast<std::uint64_t>(st.st_size);
        if (regular && at + length > size && ::ftruncate(fd, static_cast<off_t>(at + length)) != 0) return stream_failed("cannot extend", path);
        if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at), static_cast<off_t>(length)) == 0) {
            at += length;
            left -= length;
            return {};
        }
        const std::vector<char> zeros(kMaxFrame);
        while (length > 0) {
            const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(length, zeros.size()));
            PV_TRY(write(zeros.data(), piece));
            length -= piece;
        }
        return {};
    }
};

Status take_frames(Target& target) {
    std::vector<char> buffer(kMaxFrame);
    while (true) {
        FrameHead head;
        if (read_whole(kStream, &head, sizeof head) == 0) return stream_gone();
        if (head.kind == FrameKind::end) return {};
        if (head.kind == FrameKind::hole) {
            PV_TRY(target.skip(head.length));
            continue;
        }
        if (head.kind != FrameKind::data) return make_error(ErrorCode::internal_error, ErrorDomain::storage, "a frame that cannot be");
        while (head.length > 0) {
            const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(head.length, buffer.size()));
            if (read_whole(kStream, buffer.data(), piece) == 0) return stream_gone();
            PV_TRY(target.write(buffer.data(), piece));
            head.length -= piece;
        }
    }
}

} // namespace

Result<Answer> send(const Facts& in) {
    const std::string path = in.text("path");
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) return stream_failed("cannot open volume", path);
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);
    if (size < 0) return stream_failed("cannot find the size of", path);
    const std::uint64_t begin = std::min(in.number("offset"), static_cast<std::uint64_t>(size));
    const std::uint64_t length = in.number("length"), rest = static_cast<std::uint64_t>(size) - begin;
    const std::uint64_t end = begin + (length == 0 ? rest : std::min(length, rest));
    std::vector<char> buffer(kMaxFrame);
    for (std::uint64_t at = begin; at < end;) {
        const Run run = in.flag("sparse") ? run_at(fd.get(), at, end) : Run{end, false};
        if (run.hole) {
            PV_TRY(send_frame(FrameKind::hole, run.end - at));
            at = run.end;
            continue;
        }
        const ssize_t n = ::pread(fd.get(), buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(kMaxFrame, run.end - at)), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return stream_failed("cannot read", path);
        if (n == 0) break;
        PV_TRY(send_frame(FrameKind::data, static_cast<std::uint64_t>(n), buffer.data()));
        at += static_cast<std::uint64_t>(n);
    }
    PV_TRY(send_frame(FrameKind::end, 0));
    return Answer();
}

Result<Answer> receive(const Facts& in) {
    const std::string path = in.text("path");
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) return stream_failed("cannot open volume", path);
    const std::uint64_t length = in.number("length");
    Target target{fd.get(), path, S_ISREG(st.st_mode), in.number("offset"), length == 0 ? UINT64_MAX : length};
    if (target.at > INT64_MAX) return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "offset {} is beyond what '{}' can have", target.at, path);
    PV_TRY(take_frames(target));
    if (::fsync(fd.get()) != 0) return stream_failed("cannot sync", path);
    return Answer();
}

} // namespace polyvirt::storage::helper
