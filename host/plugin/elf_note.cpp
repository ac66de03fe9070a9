// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manifest.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::plugin {
namespace {

using Ehdr = std::conditional_t<sizeof(void*) == 8, Elf64_Ehdr, Elf32_Ehdr>;
using Phdr = std::conditional_t<sizeof(void*) == 8, Elf64_Phdr, Elf32_Phdr>;
using Nhdr = std::conditional_t<sizeof(void*) == 8, Elf64_Nhdr, Elf32_Nhdr>;

constexpr unsigned char kClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
constexpr unsigned char kData =
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
constexpr std::size_t kMaxHeaders = 256;
constexpr std::size_t kMaxNotes = std::size_t{1} << 20;
constexpr std::size_t kMaxManifest = std::size_t{64} << 10;
constexpr std::string_view kName("polyvirt\0", 9);

Error bad_note(const std::string& path, std::string_view why) {
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "plugin {}: {}", path, why);
}

Status read_at(int fd, void* to, std::size_t size, std::uint64_t offset, const std::string& path) {
    auto* p = static_cast<char*>(to);
    while (size > 0) {
        const ssize_t n = ::pread(fd, p, size, static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return make_system_error(errno, ErrorDomain::none, "plugin " + path + ": read");
        if (n == 0) return bad_note(path, "the file is shorter than its headers say");
        p += n;
        size -= static_cast<std::size_t>(n);
        offset += static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<std::vector<Phdr>> read_headers(int fd, std::uint64_t file_size, const std::string& path) {
    Ehdr header{};
    if (file_size < sizeof(header)) return bad_note(path, "not an ELF file (too short)");
    PV_TRY(read_at(fd, &header, sizeof(header), 0, path));
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return bad_note(path, "not an ELF file");
    if (header.e_ident[EI_CLASS] != kClass || header.e_ident[EI_DATA] != kData)
        return bad_note(path, "made for another machine (word size or byte order)");
    if (header.e_type != ET_DYN) return bad_note(path, "not a shared object");
    if (header.e_phentsize != sizeof(Phdr) || header.e_phnum == 0 || header.e_phnum > kMaxHeaders)
        return bad_note(path, "its program headers make no sense");
    const std::size_t bytes = std::size_t{header.e_phnum} * sizeof(Phdr);
    if (header.e_phoff > file_size || bytes > file_size - header.e_phoff)
        return bad_note(path, "its program headers lie outside the file");
    std::vector<Phdr> headers(header.e_phnum);
    PV_TRY(read_at(fd, headers.data(), bytes, header.e_phoff, path));
    return headers;
}

constexpr std::size_t padded(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

// The description of the note named "polyvirt", type 1, in one segment.
std::optional<std::string> find_note(std::string_view notes) {
    while (notes.size() >= sizeof(Nhdr)) {
        Nhdr note{};
        std::memcpy(&note, notes.data(), sizeof(note));
        notes.remove_prefix(sizeof(note));
        // Both are 32 bits wide: the padded sum cannot wrap in 64, and is refused if it exceeds the segment.
        const std::uint64_t name = padded(note.n_namesz);
        const std::uint64_t total = name + note.n_descsz;
        if (total > notes.size()) return std::nullopt;
        if (note.n_type == 1 && notes.substr(0, note.n_namesz) == kName)
            return std::string(notes.substr(name, note.n_descsz));
        notes.remove_prefix(std::min<std::uint64_t>(padded(total), notes.size()));
    }
    return std::nullopt;
}

} // namespace

Result<std::string> read_manifest_note(int fd, const std::string& path) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return make_system_error(errno, ErrorDomain::none, "plugin " + path);
    const auto file_size = static_cast<std::uint64_t>(st.st_size);
    PV_ASSIGN_OR_RETURN(const std::vector<Phdr> headers, read_headers(fd, file_size, path));
    for (const Phdr& header : headers) {
        if (header.p_type != PT_NOTE || header.p_filesz == 0) continue;
        if (header.p_filesz > kMaxNotes || header.p_offset > file_size ||
            header.p_filesz > file_size - header.p_offset)
            return bad_note(path, "a note segment lies outside the file");
        std::string notes(header.p_filesz, '\0');
        PV_TRY(read_at(fd, notes.data(), notes.size(), header.p_offset, path));
        std::optional<std::string> text = find_note(notes);
        if (!text) continue;
        if (text->size() > kMaxManifest) return bad_note(path, "its manifest is longer than 64 KiB");
        text->resize(std::min(text->size(), text->find('\0')));
        return *std::move(text);
    }
    return bad_note(path, "it has no manifest (ELF note .note.polyvirt): not a polyvirt plugin");
}

} // namespace polyvirt::plugin
