// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/image.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr std::string_view kComplete = "LibvirtQemudSave", kPartial = "LibvirtQemudPart";
constexpr std::uint32_t kVersion = 2;

struct Named {
    std::string_view name;
    Compression compression;
    const char* program;
};
constexpr Named kCompressions[] = {{"raw", Compression::none, nullptr},          {"gzip", Compression::gzip, "/usr/bin/gzip"},
                                   {"bzip2", Compression::bzip2, "/usr/bin/bzip2"}, {"xz", Compression::xz, "/usr/bin/xz"},
                                   {"lzop", Compression::lzop, "/usr/bin/lzop"},    {"zstd", Compression::zstd, "/usr/bin/zstd"}};

// After the magic: numbers of 32 bits in the byte order of the host that wrote them.
enum Field : std::size_t { version, room, was_running, compressed, cookie_at, kFields };
using Fields = std::array<std::uint32_t, kFields>;

Error failed(std::string_view text) { return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "{}", text); }

std::uint32_t swapped(std::uint32_t v) { return (v >> 24U) | ((v >> 8U) & 0xff00U) | ((v << 8U) & 0xff0000U) | (v << 24U); }

Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t length, const std::string& path) {
    std::string bytes(length, '\0');
    std::size_t have = 0;
    while (have < length) {
        const ssize_t n = ::pread(fd, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return make_system_error(errno, ErrorDomain::qemu, "cannot read '" + path + "'");
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    bytes.resize(have);
    return bytes;
}

} // namespace

Result<Compression> compression_of(std::string_view name) {
    if (name.empty()) return Compression::none;
    for (const Named& one : kCompressions)
        if (one.name == name) return one.compression;
    return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "Invalid save image format: '{}'", name);
}

const char* program_of(Compression compression) {
    for (const Named& one : kCompressions)
        if (one.compression == compression) return one.program;
    return nullptr;
}

std::string format_image_head(const ImageFacts& facts, bool complete, std::uint32_t given) {
    const std::size_t text = facts.xml.size() + 1, cookie = facts.cookie.empty() ? 0 : facts.cookie.size() + 1;
    Fields f{};
    f[version] = kVersion;
    f[room] = given != 0 ? given : static_cast<std::uint32_t>((kImageHeader + text + cookie + 2 * kImageBlock - 1) / kImageBlock * kImageBlock - kImageHeader);
    f[was_running] = facts.running ? 1 : 0;
    f[compressed] = static_cast<std::uint32_t>(facts.compression);
    f[cookie_at] = cookie != 0 ? static_cast<std::uint32_t>(text) : 0;
    std::string head(complete ? kComplete : kPartial);
    head.append(reinterpret_cast<const char*>(f.data()), sizeof f);
    head.resize(kImageHeader);
    head += facts.xml;
    head += '\0';
    if (cookie != 0) (head += facts.cookie) += '\0';
    head.resize(kImageHeader + f[room]);
    return head;
}

Result<ImageHead> parse_image_header(std::string_view bytes) {
    if (bytes.size() < kImageHeader) return failed("failed to read qemu header");
    ImageHead head;
    const std::string_view magic = bytes.substr(0, kComplete.size());
    head.complete = magic == kComplete;
    if (!head.complete && magic != kPartial) return failed("image magic is incorrect");
    Fields f{};
    std::memcpy(f.data(), bytes.data() + kComplete.size(), sizeof f);
    if (f[version] > kVersion) // another kind of host wrote it
        for (std::uint32_t& field : f) field = swapped(field);
    if (f[version] > kVersion)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "image version is not supported ({} > {})", f[version], kVersion);
    if (f[room] == 0 || f[room] > kMaxImageText)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "invalid header data length: {}", f[room]);
    if (f[cookie_at] >= f[room]) return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "invalid place of the cookie: {}", f[cookie_at]);
    if (f[compressed] > static_cast<std::uint32_t>(Compression::zstd))
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "Invalid compressed save format {}", f[compressed]);
    head.room = f[room];
    head.facts.running = f[was_running] != 0;
    head.facts.compression = static_cast<Compression>(f[compressed]);
    // Where the cookie begins, until the texts are read.
    head.facts.cookie = f[cookie_at] != 0 ? std::to_string(f[cookie_at]) : std::string();
    return head;
}

Status parse_image_texts(ImageHead& head, std::string_view bytes) {
    if (bytes.size() < head.room) return failed("failed to read domain XML");
    const std::size_t cookie = head.facts.cookie.empty() ? 0 : std::stoul(head.facts.cookie);
    const std::string_view text = bytes.substr(0, cookie != 0 ? cookie : head.room);
    head.facts.xml = std::string(text.substr(0, text.find('\0')));
    head.facts.cookie.clear();
    if (cookie != 0) {
        const std::string_view rest = bytes.substr(cookie, head.room - cookie);
        head.facts.cookie = std::string(rest.substr(0, rest.find('\0')));
    }
    if (head.facts.xml.empty()) return failed("the saved image has no description");
    return {};
}

Result<OpenImage> open_saved(const std::string& path, bool writable) {
    OpenImage image;
    image.fd = UniqueFd(::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY));
    if (!image.fd) return make_system_error(errno, ErrorDomain::qemu, "Failed to open file '" + path + "'");
    PV_ASSIGN_OR_RETURN(const std::string header, read_at(image.fd.get(), 0, kImageHeader, path));
    PV_ASSIGN_OR_RETURN(image.head, parse_image_header(header));
    if (!image.head.complete) return failed("save image is incomplete");
    PV_ASSIGN_OR_RETURN(const std::string texts, read_at(image.fd.get(), kImageHeader, image.head.room, path));
    PV_TRY(parse_image_texts(image.head, texts));
    if (::lseek(image.fd.get(), static_cast<off_t>(image.head.stream_at()), SEEK_SET) < 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot read '" + path + "'");
    return image;
}

Status rewrite_head(OpenImage& image) {
    const ImageFacts& facts = image.head.facts;
    if (facts.xml.size() + facts.cookie.size() + 2 > image.head.room) return failed("new xml too large to fit in file");
    if (::lseek(image.fd.get(), 0, SEEK_SET) < 0) return make_system_error(errno, ErrorDomain::qemu, "cannot seek to the image's header");
    PV_TRY(write_all(image.fd.get(), format_image_head(facts, true, image.head.room), "the saved image"));
    if (::fsync(image.fd.get()) != 0) return make_system_error(errno, ErrorDomain::qemu, "cannot write the saved image");
    return {};
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return make_system_error(errno, ErrorDomain::qemu, "failed to write to '" + path + "'");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Status complete_image(int fd, const std::string& path) {
    // The rest first: the magic says that it is there.
    if (::fdatasync(fd) != 0 && errno != EINVAL) return make_system_error(errno, ErrorDomain::qemu, "failed to write to '" + path + "'");
    if (::pwrite(fd, kComplete.data(), kComplete.size(), 0) != static_cast<ssize_t>(kComplete.size()))
        return make_system_error(errno, ErrorDomain::qemu, "failed to write to '" + path + "'");
    if (::fsync(fd) != 0 && errno != EINVAL) return make_system_error(errno, ErrorDomain::qemu, "failed to write to '" + path + "'");
    return {};
}

Status sync_folder(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL))
        return make_system_error(errno, ErrorDomain::qemu, "cannot bring the folder '" + folder + "' to the disk");
    return {};
}

} // namespace polyvirt::qemu
