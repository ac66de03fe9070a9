// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/audit/elf.h"

#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <set>
#include <span>
#include <sys/stat.h>
#include <type_traits>

#include "base/error_text.h"
#include "base/unique_fd.h"

namespace polyvirt::conform {
namespace {

constexpr bool k64 = sizeof(void*) == 8;
using Ehdr = std::conditional_t<k64, Elf64_Ehdr, Elf32_Ehdr>;
using Phdr = std::conditional_t<k64, Elf64_Phdr, Elf32_Phdr>;
using Shdr = std::conditional_t<k64, Elf64_Shdr, Elf32_Shdr>;
using Sym = std::conditional_t<k64, Elf64_Sym, Elf32_Sym>;
using Dyn = std::conditional_t<k64, Elf64_Dyn, Elf32_Dyn>;
using Nhdr = std::conditional_t<k64, Elf64_Nhdr, Elf32_Nhdr>;

constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
constexpr std::size_t kMaxManifest = std::size_t{64} << 10;
constexpr std::string_view kNoteName("polyvirt\0", 9);

struct Bad {
    std::string why;
};

// The file's bytes; asks for a place beyond its end throw Bad.
class Bytes {
  public:
    explicit Bytes(std::string data) : data_(std::move(data)) {}
    [[nodiscard]] std::string_view at(std::uint64_t offset, std::uint64_t size, const char* what) const {
        if (offset > data_.size() || size > data_.size() - offset) throw Bad{fmt::format("{} lies outside the file", what)};
        return std::string_view(data_).substr(offset, size);
    }
    template <typename T> [[nodiscard]] T get(std::uint64_t offset, const char* what) const {
        T value;
        std::memcpy(&value, at(offset, sizeof value, what).data(), sizeof value);
        return value;
    }
    [[nodiscard]] std::size_t size() const { return data_.size(); }

  private:
    std::string data_;
};

std::string text_in(std::string_view strings, std::uint64_t at, const char* what) {
    if (at >= strings.size()) throw Bad{fmt::format("the name of {} lies outside its table", what)};
    const std::string_view rest = strings.substr(at);
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) throw Bad{fmt::format("the name of {} does not end", what)};
    return std::string(rest.substr(0, end));
}

constexpr std::uint64_t padded(std::uint64_t n) { return (n + 3) & ~std::uint64_t{3}; }

bool find_note(std::string_view notes, ElfFile& to) {
    while (notes.size() >= sizeof(Nhdr)) {
        Nhdr note{};
        std::memcpy(&note, notes.data(), sizeof note);
        notes.remove_prefix(sizeof note);
        const std::uint64_t name = padded(note.n_namesz), total = name + note.n_descsz;
        if (total > notes.size()) return false;
        if (note.n_type == 1 && notes.substr(0, note.n_namesz) == kNoteName) {
            std::string_view text = notes.substr(name, note.n_descsz);
            if (text.size() > kMaxManifest) throw Bad{"its manifest is longer than 64 KiB"};
            to.manifest = std::string(text.substr(0, text.find('\0')));
            return true;
        }
        notes.remove_prefix(std::min<std::uint64_t>(padded(total), notes.size()));
    }
    return false;
}

void read_program(const Bytes& file, const Ehdr& header, ElfFile& to) {
    bool found = false;
    for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
        const auto p = file.get<Phdr>(header.e_phoff + i * sizeof(Phdr), "a program header");
        if (p.p_type == PT_NOTE && !found) found = find_note(file.at(p.p_offset, p.p_filesz, "a note segment"), to);
        if (p.p_type == PT_GNU_STACK) to.executable_stack = (p.p_flags & PF_X) != 0;
    }
    if (!found) to.manifest_fault = "there is no ELF note named 'polyvirt' of type 1 (section .note.polyvirt, PV_MANIFEST)";
}

void read_dynamic(std::string_view table, std::string_view strings, ElfFile& to) {
    for (std::size_t at = 0; at + sizeof(Dyn) <= table.size(); at += sizeof(Dyn)) {
        Dyn d{};
        std::memcpy(&d, table.data() + at, sizeof d);
        const auto value = static_cast<std::uint64_t>(d.d_un.d_val);
        switch (d.d_tag) {
        case DT_NULL: return;
        case DT_NEEDED: to.needed.push_back(text_in(strings, value, "a needed library")); break;
        case DT_RPATH:
        case DT_RUNPATH: to.rpath = text_in(strings, value, "the run path"); break;
        case DT_SYMBOLIC: to.symbolic = true; break;
        case DT_TEXTREL: to.text_relocations = true; break;
        case DT_FLAGS:
            to.symbolic |= (value & DF_SYMBOLIC) != 0;
            to.text_relocations |= (value & DF_TEXTREL) != 0;
            to.static_tls |= (value & DF_STATIC_TLS) != 0;
            break;
        default: break;
        }
    }
}

void read_symbols(std::string_view table, std::string_view strings, bool dynamic, ElfFile& to) {
    for (std::size_t at = sizeof(Sym); at + sizeof(Sym) <= table.size(); at += sizeof(Sym)) {
        Sym s{};
        std::memcpy(&s, table.data() + at, sizeof s);
        const unsigned bind = s.st_info >> 4;
        const unsigned visibility = s.st_other & 3;
        if (bind == STB_GNU_UNIQUE) to.unique.push_back(text_in(strings, s.st_name, "a symbol"));
        if (!dynamic) continue;
        if (s.st_shndx == SHN_UNDEF) {
            if (bind == STB_GLOBAL) to.undefined.push_back(text_in(strings, s.st_name, "a symbol"));
        } else if (bind != STB_LOCAL && (visibility == STV_DEFAULT || visibility == STV_PROTECTED)) {
            to.exported.push_back(text_in(strings, s.st_name, "a symbol"));
        }
    }
}

void read_sections(const Bytes& file, const Ehdr& header, ElfFile& to) {
    if (header.e_shnum == 0) throw Bad{"it has no section headers; strip keeps them, and so must whatever made this file"};
    const auto section = [&](std::uint64_t i) {
        if (i >= header.e_shnum) throw Bad{"a section refers to one that is not there"};
        return file.get<Shdr>(header.e_shoff + i * sizeof(Shdr), "a section header");
    };
    for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
        const Shdr s = section(i);
        if (s.sh_type != SHT_DYNSYM && s.sh_type != SHT_SYMTAB && s.sh_type != SHT_DYNAMIC) continue;
        const Shdr names = section(s.sh_link);
        const std::string_view strings = file.at(names.sh_offset, names.sh_size, "a table of names");
        const std::string_view table = file.at(s.sh_offset, s.sh_size, "a table of symbols");
        if (s.sh_type == SHT_DYNAMIC) read_dynamic(table, strings, to);
        else read_symbols(table, strings, s.sh_type == SHT_DYNSYM, to);
    }
}

Result<std::string> read_all(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) return make_system_error(errno, ErrorDomain::none, "cannot read '" + path + "'");
    if (!S_ISREG(st.st_mode)) return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "'{}' is no regular file", path);
    if (static_cast<std::uint64_t>(st.st_size) > kMaxFile)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "'{}' has {} bytes, more than a plugin can have", path, st.st_size);
    std::string data(static_cast<std::size_t>(st.st_size), '\0');
    std::size_t have = 0;
    while (have < data.size()) {
        const ssize_t n = ::pread(fd.get(), data.data() + have, data.size() - have, static_cast<off_t>(have));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += static_cast<std::size_t>(n);
    }
    data.resize(have);
    return data;
}

} // namespace

Result<ElfFile> read_elf(const std::string& path) {
    PV_ASSIGN_OR_RETURN(std::string data, read_all(path));
    const Bytes file(std::move(data));
    ElfFile to;
    try {
        const auto header = file.get<Ehdr>(0, "the ELF header");
        if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) throw Bad{"it is no ELF file"};
        if (header.e_ident[EI_CLASS] != (k64 ? ELFCLASS64 : ELFCLASS32)) throw Bad{"it is made for machines of another word size"};
        if (header.e_type != ET_DYN) throw Bad{"it is no shared object"};
        if (header.e_phentsize != sizeof(Phdr) || (header.e_shnum != 0 && header.e_shentsize != sizeof(Shdr)))
            throw Bad{"its headers have an unknown size"};
        read_program(file, header, to);
        read_sections(file, header, to);
    } catch (const Bad& bad) {
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "'{}': {}", path, bad.why);
    }
    return to;
}

} // namespace polyvirt::conform
