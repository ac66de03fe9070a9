// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What there is: folders with their files, each with what its header says.

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "helper.h"
#include "../part_name.h"
#include "sdk/storage/image.h"

namespace polyvirt::storage::helper {

using sdk::storage::ImageFile;

void add_permissions(Facts& facts, const struct stat& st) {
    facts.set("mode", st.st_mode & 0777U);
    facts.set("owner", st.st_uid);
    facts.set("group", st.st_gid);
}

namespace {

std::string time_text(const timespec& t) {
    return t.tv_nsec == 0 ? fmt::format("{}", t.tv_sec) : fmt::format("{}.{:09}", t.tv_sec, t.tv_nsec);
}

std::string label_of(const std::string& path) {
    char label[256];
    const ssize_t n = ::getxattr(path.c_str(), "security.selinux", label, sizeof label);
    if (n <= 0) return {};
    return std::string(label, static_cast<std::size_t>(label[n - 1] == '\0' ? n - 1 : n));
}

// The length of the letter that a document can carry; 0: it cannot.
std::size_t letter_at(std::string_view text, std::size_t i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return 0;
    const std::size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0U) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
    if (more == 9 || text.size() - i <= more) return 0;
    for (std::size_t k = 1; k <= more; ++k)
        if ((static_cast<unsigned char>(text[i + k]) & 0xc0U) != 0x80) return 0;
    return more + 1;
}
bool is_nameable(std::string_view name) {
    for (std::size_t i = 0; i < name.size();) {
        const std::size_t length = letter_at(name, i);
        if (length == 0) return false;
        i += length;
    }
    return !name.empty();
}
// With a mark for everything else.
std::string shown(std::string_view text) {
    std::string clean;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = letter_at(text, i);
        clean += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(i, length);
        i += std::max<std::size_t>(length, 1);
    }
    return clean;
}

// As add_permissions, with label and times.
void add_details(Facts& facts, const struct stat& st, const std::string& path) {
    add_permissions(facts, st);
    facts.set("label", shown(label_of(path)));
    facts.set("atime", time_text(st.st_atim));
    facts.set("mtime", time_text(st.st_mtim));
    facts.set("ctime", time_text(st.st_ctim));
}

// Of an image's "json:" name; empty: there is none.
std::string text_of(const nlohmann::json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Where the name that a header gives leads; what is elsewhere stays as it is written.
std::string backing_path(const std::string& name, const std::string& above) {
    std::string path = name;
    if (name.starts_with("json:")) {
        const auto whole = nlohmann::json::parse(name.substr(5), nullptr, false);
        if (!whole.is_object()) return name;
        path = text_of(whole, "file.filename");
        if (path.empty() && whole.contains("file") && whole["file"].is_object()) path = text_of(whole["file"], "filename");
        if (path.empty()) path = text_of(whole, "filename");
        if (path.empty()) return name;
    }
    if (path.starts_with("file:")) path = path.substr(path.starts_with("file://") ? 7 : 5);
    const std::size_t colon = path.find(':'), slash = path.find('/');
    if (path.starts_with('/') || (colon != std::string::npos && colon < slash)) return path;
    return above.substr(0, above.rfind('/') + 1) + path;
}

Facts backing_of(const ImageFile& file, const std::string& above) {
    const std::string path = backing_path(file.header.backing, above);
    std::string format = file.header.backing_format;
    Facts b = {{"path", shown(path)}};
    struct stat st {};
    if (path.starts_with('/') && ::stat(path.c_str(), &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
        add_details(b, st, path);
        if (format.empty())
            if (const auto below = sdk::storage::read_image(path, ""); below) format = below->header.format;
    }
    b.set("format", shown(format));
    return b;
}

// `format` empty: found out. A header that makes no sense is no reason to hide the file: it is shown without one.
Result<Facts> facts_of(const std::string& name, const std::string& path, const std::string& format) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0)
        return make_system_error(errno, ErrorDomain::storage, fmt::format("cannot stat file '{}'", path));
    Facts v = {{"name", name}, {"path", path}};
    add_details(v, st, path);
    if (S_ISDIR(st.st_mode)) {
        v.set("type", "dir");
        v.set("format", "dir");
        return v;
    }
    auto file = sdk::storage::read_image(path, format);
    if (!file && file.error().code == ErrorCode::config_unsupported && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
        file = sdk::storage::read_image(path, "raw");
    if (!file) return std::move(file).error();
    const auto& h = file->header;
    v.set("type", file->regular ? "file" : "block");
    v.set("format", h.format);
    v.set("capacity", h.capacity != 0 ? h.capacity : file->size);
    v.set("allocation", file->allocated);
    v.set("physical", file->size);
    if (!h.backing.empty()) v.set_part("backing", backing_of(*file, path));
    if (!h.compat.empty()) v.set("compat", h.compat);
    if (h.cluster_size != 0) v.set("cluster", h.cluster_size);
    if (h.lazy_refcounts) v.set("lazy_refcounts", true);
    if (h.extended_l2) v.set("extended_l2", true);
    if (h.format == "luks" || !h.encryption.empty()) v.set("encryption", h.format == "luks" ? "luks" : h.encryption);
    return v;
}

Status add_sizes(Facts& out, const std::string& path) {
    struct statvfs sb {};
    if (::statvfs(path.c_str(), &sb) != 0)
        return make_system_error(errno, ErrorDomain::storage, fmt::format("cannot statvfs path '{}'", path));
    const std::uint64_t capacity = static_cast<std::uint64_t>(sb.f_frsize) * sb.f_blocks;
    const std::uint64_t available = static_cast<std::uint64_t>(sb.f_frsize) * sb.f_bfree;
    out.set("capacity", capacity);
    out.set("available", available);
    out.set("allocation", capacity - std::min(available, capacity));
    return {};
}

Result<std::vector<std::string>> names_in(const std::string& path, std::uint64_t& skipped) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) return make_system_error(errno, ErrorDomain::storage, fmt::format("cannot open directory '{}'", path));
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == ".." || name == "lost+found" || is_part_name(name)) continue;
        if (is_nameable(name)) names.emplace_back(name);
        else ++skipped;
    }
    if (errno != 0) return make_system_error(errno, ErrorDomain::storage, fmt::format("cannot read directory '{}'", path));
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

Result<Answer> scan(const Facts& in) {
    const std::string path = in.text("path");
    std::uint64_t skipped = 0;
    PV_ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in(path, skipped));
    Answer out;
    for (const std::string& name : names) {
        auto facts = facts_of(name, path == "/" ? "/" + name : path + "/" + name, "");
        if (facts) out.volumes.push_back(*std::move(facts));
        else ++skipped; // gone meanwhile, a socket, not for us to read
    }
    PV_TRY(add_sizes(out.facts, path));
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0) {
        add_permissions(out.facts, st);
        out.facts.set("label", shown(label_of(path)));
    }
    out.facts.set("skipped", skipped);
    return out;
}

Result<Answer> look(const Facts& in) {
    PV_ASSIGN_OR_RETURN(Facts facts, facts_of(in.text("name"), in.text("path"), in.text("format")));
    Answer out;
    out.volumes.push_back(std::move(facts));
    if (in.has("pool")) PV_TRY(add_sizes(out.facts, in.text("pool")));
    return out;
}

Result<Answer> probe(const Facts& in) {
    struct stat st {};
    if (::stat(in.text("path").c_str(), &st) != 0) return Answer(Facts{{"there", false}});
    return Answer(Facts{{"there", true}, {"folder", S_ISDIR(st.st_mode)}, {"block", S_ISBLK(st.st_mode)}});
}

Verb find_verb(std::string_view name) {
    constexpr struct {
        std::string_view name;
        Verb verb;
    } kVerbs[] = {{"scan", scan},       {"look", look},       {"probe", probe},     {"make_pool", make_pool},     {"remove_pool", remove_pool},
                  {"make_file", make_file}, {"make_folder", make_folder}, {"publish", publish}, {"remove", remove}, {"discard", discard},
                  {"resize", resize},   {"wipe", wipe},       {"copy", copy},       {"send", send},               {"receive", receive},
                  {"multipath", multipath}, {"scsi", scsi}};
    for (const auto& row : kVerbs)
        if (row.name == name) return row.verb;
    return nullptr;
}

} // namespace polyvirt::storage::helper
