// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/storage/image.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::sdk::storage {
namespace {

constexpr std::size_t kHead = 4096;
constexpr std::uint64_t kSector = 512;

Error bad(std::string_view format, std::string_view what) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "the header of a {} image is damaged: {}", format, what);
}

// Numbers of a header; zero past its end, which no caller takes for a valid figure.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t width, bool big) {
    std::uint64_t v = 0;
    if (at + width > bytes.size()) return 0;
    for (std::size_t i = 0; i < width; ++i) {
        const auto byte = static_cast<std::uint8_t>(bytes[big ? at + i : at + width - 1 - i]);
        v = v << 8U | byte;
    }
    return v;
}
std::uint64_t be(std::string_view bytes, std::size_t at, std::size_t width) { return number(bytes, at, width, true); }
std::uint64_t le(std::string_view bytes, std::size_t at, std::size_t width) { return number(bytes, at, width, false); }

struct Input {
    std::string_view format, head;
    std::uint64_t file_size;
    const ReadBytes& read;
};

Result<std::string> name_at(const Input& in, std::uint64_t offset, std::uint64_t length) {
    if (length > kMaxBackingName) return bad(in.format, fmt::format("a file name of {} bytes", length));
    if (offset > in.file_size || length > in.file_size - offset) return bad(in.format, "a file name beyond its end");
    std::string name = in.read(offset, static_cast<std::size_t>(length));
    if (name.size() != length || name.find('\0') != std::string::npos) return bad(in.format, "a file name that is none");
    return name;
}

// --- qcow2, qcow ---

constexpr std::uint32_t kExtBackingFormat = 0xE2792ACA, kExtDataFile = 0x44415441;
constexpr std::uint64_t kExternalData = 1U << 2U, kExtendedL2 = 1U << 4U; // incompatible features
constexpr std::uint64_t kLazyRefcounts = 1;                                // compatible feature

void qcow2_facts(const Input& in, ImageHeader& h, std::uint64_t version) {
    constexpr std::string_view kEncryptions[] = {"", "default", "luks"};
    h.compat = version == 2 ? "0.10" : "1.1";
    if (version == 3) {
        h.lazy_refcounts = (be(in.head, 80, 8) & kLazyRefcounts) != 0;
        h.extended_l2 = (be(in.head, 72, 8) & kExtendedL2) != 0;
    }
    h.encryption = kEncryptions[std::min<std::uint64_t>(be(in.head, 32, 4), 2)];
}

Status qcow2_extensions(const Input& in, ImageHeader& h, std::uint64_t from, std::uint64_t to) {
    std::string area = in.read(from, static_cast<std::size_t>(to - from));
    for (std::size_t at = 0; at + 8 <= area.size();) {
        const std::uint64_t type = be(area, at, 4), length = be(area, at + 4, 4);
        at += 8;
        if (type == 0) break;
        if (length > area.size() - at) return bad(in.format, "an extension beyond its area");
        if (type == kExtBackingFormat) h.backing_format = area.substr(at, std::min<std::size_t>(length, 16));
        if (type == kExtDataFile) h.data_file = area.substr(at, std::min<std::size_t>(length, kMaxBackingName));
        at += (length + 7) & ~std::uint64_t{7};
    }
    return {};
}

Status qcow2(const Input& in, ImageHeader& h) {
    const std::uint64_t version = be(in.head, 4, 4);
    if (version != 2 && version != 3) return bad(in.format, fmt::format("version {}", version));
    const std::uint64_t bits = be(in.head, 20, 4);
    if (bits < 9 || bits > 21) return bad(in.format, fmt::format("clusters of 2^{} bytes", bits));
    h.capacity = be(in.head, 24, 8);
    const std::uint64_t cluster = std::uint64_t{1} << bits, backing = be(in.head, 8, 8);
    h.cluster_size = cluster;
    qcow2_facts(in, h, version);
    if (backing != 0) {
        PV_ASSIGN_OR_RETURN(h.backing, name_at(in, backing, be(in.head, 16, 4)));
        if (backing >= cluster) return bad(in.format, "the name of its backing file is not in its first cluster");
    }
    const std::uint64_t length = version == 2 ? 72 : be(in.head, 100, 4);
    if (length < 72 || length > cluster) return bad(in.format, fmt::format("a header of {} bytes", length));
    const std::uint64_t end = backing != 0 ? backing : std::min<std::uint64_t>(cluster, 65536);
    if (end > length) PV_TRY(qcow2_extensions(in, h, length, end));
    if (version == 3 && (be(in.head, 72, 8) & kExternalData) == 0) h.data_file.clear();
    return {};
}

Status qcow(const Input& in, ImageHeader& h) {
    if (be(in.head, 4, 4) != 1) return bad(in.format, "its version");
    h.capacity = be(in.head, 24, 8);
    if (const std::uint64_t backing = be(in.head, 8, 8); backing != 0) {
        PV_ASSIGN_OR_RETURN(h.backing, name_at(in, backing, be(in.head, 16, 4)));
    }
    return {};
}

Status qed(const Input& in, ImageHeader& h) {
    constexpr std::uint64_t kHasBacking = 1, kRawBacking = 4;
    const std::uint64_t features = le(in.head, 16, 8);
    h.capacity = le(in.head, 48, 8);
    if ((features & kHasBacking) == 0) return {};
    PV_ASSIGN_OR_RETURN(h.backing, name_at(in, le(in.head, 56, 4), le(in.head, 60, 4)));
    if ((features & kRawBacking) != 0) h.backing_format = "raw";
    return {};
}

// --- vmdk: a binary header that says where the text is, or the text alone ---

std::string quoted_after(std::string_view text, std::string_view key) {
    std::size_t at = text.find(key);
    if (at == std::string_view::npos) return {};
    at += key.size();
    const std::size_t end = text.find('"', at);
    return end == std::string_view::npos ? std::string() : std::string(text.substr(at, end - at));
}

Status vmdk(const Input& in, ImageHeader& h) {
    constexpr std::uint64_t kMaxText = 20480;
    std::string text;
    if (in.head.starts_with("KDMV")) {
        h.capacity = le(in.head, 12, 8);
        if (h.capacity > UINT64_MAX / kSector) return bad(in.format, "its size");
        h.capacity *= kSector;
        const std::uint64_t offset = le(in.head, 28, 8), length = le(in.head, 36, 8);
        if (offset == 0) return {};
        if (offset > in.file_size / kSector || length > in.file_size / kSector) return bad(in.format, "a description beyond its end");
        text = in.read(offset * kSector, static_cast<std::size_t>(std::min(length * kSector, kMaxText)));
    } else {
        text = in.read(0, kMaxText);
    }
    const std::string backing = quoted_after(text, "parentFileNameHint=\"");
    if (backing.size() > kMaxBackingName || backing.find('\0') != std::string::npos) return bad(in.format, "the name of its parent");
    h.backing = backing;
    if (!backing.empty()) h.backing_format = "vmdk"; // it can have no other
    return {};
}

// --- without anything below them ---

Status vdi(const Input& in, ImageHeader& h) {
    h.capacity = le(in.head, 0x170, 8);
    return {};
}
Status vpc(const Input& in, ImageHeader& h) {
    h.capacity = be(in.head, 48, 8);
    return {};
}
Status luks(const Input& in, ImageHeader& h) {
    if (be(in.head, 6, 2) != 1) return {};
    const std::uint64_t payload = be(in.head, 104, 4) * kSector;
    h.capacity = payload < in.file_size ? in.file_size - payload : 0;
    return {};
}
Status unknown(const Input&, ImageHeader&) { return {}; }
Status raw(const Input& in, ImageHeader& h) {
    h.capacity = in.file_size;
    return {};
}

struct Format {
    std::string_view name;
    std::size_t magic_at;
    std::string_view magic; // empty: is not probed
    Status (*parse)(const Input&, ImageHeader&);
};
constexpr Format kFormats[] = {
    {"qcow2", 0, std::string_view("QFI\xfb\0\0\0\2", 8), qcow2}, {"qcow2", 0, std::string_view("QFI\xfb\0\0\0\3", 8), qcow2},
    {"qcow", 0, std::string_view("QFI\xfb\0\0\0\1", 8), qcow},   {"qed", 0, std::string_view("QED\0", 4), qed},
    {"vmdk", 0, "KDMV", vmdk},                                   {"vmdk", 0, "# Disk DescriptorFile", vmdk},
    {"vdi", 64, "\x7f\x10\xda\xbe", vdi},                        {"vhdx", 0, "vhdxfile", unknown},
    {"vpc", 0, "conectix", vpc},                                 {"luks", 0, "LUKS\xba\xbe", luks},
    {"raw", 0, "", raw}};

std::uint64_t device_size(int fd) {
    std::uint64_t size = 0;
    return ::ioctl(fd, BLKGETSIZE64, &size) == 0 ? size : 0;
}

} // namespace

std::string_view probe_format(std::string_view head) {
    for (const Format& f : kFormats)
        if (!f.magic.empty() && head.size() >= f.magic_at && head.substr(f.magic_at).starts_with(f.magic)) return f.name;
    return "raw";
}

Result<ImageHeader> parse_header(std::string_view format, std::uint64_t file_size, const ReadBytes& read) {
    ImageHeader h;
    if (format == "raw") {
        h.format = "raw";
        h.capacity = file_size;
        return h;
    }
    const std::string head = read(0, kHead);
    const std::string_view found = probe_format(head);
    h.format = format.empty() ? found : format;
    if (h.format != found) {
        // Not an image of its format: the emulator says so better. Nothing is below it.
        h.capacity = file_size;
        return h;
    }
    for (const Format& f : kFormats) {
        if (f.name != h.format) continue;
        PV_TRY(f.parse({h.format, head, file_size, read}, h));
        break;
    }
    return h;
}

Result<UniqueFd> open_image(const std::string& path) {
    // Without O_NONBLOCK a FIFO would wait for its writer, for ever.
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0)
        return make_system_error(errno, ErrorDomain::storage, fmt::format("Cannot access storage file '{}'", path));
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "'{}' is neither a regular file nor a block device", path);
    return fd;
}

Result<ImageFile> read_image(const std::string& path, std::string_view format) {
    PV_ASSIGN_OR_RETURN(const UniqueFd fd, open_image(path));
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return make_system_error(errno, ErrorDomain::storage, fmt::format("Cannot access storage file '{}'", path));
    ImageFile file;
    file.regular = S_ISREG(st.st_mode);
    file.size = file.regular ? static_cast<std::uint64_t>(st.st_size) : device_size(fd.get());
    file.allocated = file.regular ? static_cast<std::uint64_t>(st.st_blocks) * kSector : file.size;
    file.device = file.regular ? st.st_dev : st.st_rdev;
    file.inode = file.regular ? st.st_ino : 0;
    const auto read = [&](std::uint64_t offset, std::size_t length) {
        std::string bytes(length, '\0');
        std::size_t got = 0;
        while (got < length) {
            const ssize_t n = ::pread(fd.get(), bytes.data() + got, length - got, static_cast<off_t>(offset + got));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) break;
            got += static_cast<std::size_t>(n);
        }
        bytes.resize(got);
        return bytes;
    };
    auto header = parse_header(format, file.size, read);
    if (!header)
        return make_error(header.error().code, ErrorDomain::storage, "'{}': {}", path, header.error().str2);
    file.header = *std::move(header);
    return file;
}

} // namespace polyvirt::sdk::storage
