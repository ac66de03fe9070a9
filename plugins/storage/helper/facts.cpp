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

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "helper.h"
#include "../part_name.h"
#include "sdk/storage/image.h"

namespace polyvirt::storage::helper {

using sdk::storage::ImageFile;

std::string text(const Json& in, const char* key) {
    const auto it = in.find(key);
    return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}
std::uint64_t number(const Json& in, const char* key, std::uint64_t other) {
    const auto it = in.find(key);
    return it != in.end() && it->is_number() ? it->get<std::uint64_t>() : other;
}
bool flag(const Json& in, const char* key) {
    const auto it = in.find(key);
    return it != in.end() && it->is_boolean() && it->get<bool>();
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

Json permissions_of(const struct stat& st, const std::string& path) {
    return {{"mode", st.st_mode & 0777U}, {"owner", st.st_uid}, {"group", st.st_gid}, {"label", label_of(path)}};
}

Json times_of(const struct stat& st) {
    return {{"atime", time_text(st.st_atim)}, {"mtime", time_text(st.st_mtim)}, {"ctime", time_text(st.st_ctim)}, {"btime", "0"}};
}

// Where the name that a header gives leads; what is elsewhere stays as it is written.
std::string backing_path(const std::string& name, const std::string& above) {
    std::string path = name;
    if (name.starts_with("json:")) {
        const Json whole = Json::parse(name.substr(5), nullptr, false);
        if (!whole.is_object()) return name;
        path = text(whole, "file.filename");
        if (path.empty() && whole.contains("file") && whole["file"].is_object()) path = text(whole["file"], "filename");
        if (path.empty()) path = text(whole, "filename");
        if (path.empty()) return name;
    }
    if (path.starts_with("file:")) path = path.substr(path.starts_with("file://") ? 7 : 5);
    const std::size_t colon = path.find(':'), slash = path.find('/');
    if (path.starts_with('/') || (colon != std::string::npos && colon < slash)) return path;
    return above.substr(0, above.rfind('/') + 1) + path;
}

Json backing_of(const ImageFile& file, const std::string& above) {
    Json b = {{"path", backing_path(file.header.backing, above)}, {"format", file.header.backing_format}};
    const std::string path = b["path"];
    struct stat st {};
    if (!path.starts_with('/') || ::stat(path.c_str(), &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) return b;
    b["permissions"] = permissions_of(st, path);
    b["times"] = times_of(st);
    if (file.header.backing_format.empty())
        if (const auto below = sdk::storage::read_image(path, ""); below) b["format"] = below->header.format;
    return b;
}

// `format` empty: found out. A header that makes no sense is no reason to hide the file: it is shown without one.
Result<Json> facts_of(const std::string& path, const std::string& format) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0)
        return make_system_error(errno, ErrorDomain::storage, fmt::format("cannot stat file '{}'", path));
    Json v = {{"path", path}, {"permissions", permissions_of(st, path)}, {"times", times_of(st)}};
    if (S_ISDIR(st.st_mode)) {
        v["type"] = "dir";
        v["format"] = "dir";
        v["capacity"] = v["allocation"] = v["physical"] = 0;
        return v;
    }
    auto file = sdk::storage::read_image(path, format);
    if (!file && file.error().code == ErrorCode::config_unsupported && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
        file = sdk::storage::read_image(path, "raw");
    if (!file) return std::move(file).error();
    const auto& h = file->header;
    v["type"] = file->regular ? "file" : "block";
    v["format"] = h.format;
    v["capacity"] = h.capacity != 0 ? h.capacity : file->size;
    v["allocation"] = file->allocated;
    v["physical"] = file->size;
    if (!h.backing.empty()) v["backing"] = backing_of(*file, path);
    if (!h.compat.empty()) v["compat"] = h.compat;
    if (h.cluster_size != 0) v["cluster"] = h.cluster_size;
    if (h.lazy_refcounts) v["lazy_refcounts"] = true;
    if (h.extended_l2) v["extended_l2"] = true;
    if (!h.encryption.empty()) v["encryption"] = h.encryption;
    if (h.format == "luks") v["encryption"] = "luks";
    return v;
}

// What a document can carry: text, without control characters.
bool is_nameable(std::string_view name) {
    for (std::size_t i = 0; i < name.size();) {
        const auto c = static_cast<unsigned char>(name[i]);
        if (c < 0x20 || c == 0x7f) return false;
        const std::size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0U) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
        if (more == 9 || name.size() - i <= more) return false;
        for (std::size_t k = 1; k <= more; ++k)
            if ((static_cast<unsigned char>(name[i + k]) & 0xc0U) != 0x80) return false;
        i += more + 1;
    }
    return !name.empty();
}

Status add_sizes(Json& out, const std::string& path) {
    struct statvfs sb {};
    if (::statvfs(path.c_str(), &sb) != 0)
        return make_system_error(errno, ErrorDomain::storage, fmt::format("cannot statvfs path '{}'", path));
    const std::uint64_t capacity = static_cast<std::uint64_t>(sb.f_frsize) * sb.f_blocks;
    const std::uint64_t available = static_cast<std::uint64_t>(sb.f_frsize) * sb.f_bfree;
    out["capacity"] = capacity;
    out["available"] = available;
    out["allocation"] = capacity - std::min(available, capacity);
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

Result<Json> scan(const Json& in) {
    const std::string path = text(in, "path");
    std::uint64_t skipped = 0;
    PV_ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in(path, skipped));
    Json out = Json::object(), volumes = Json::array();
    for (const std::string& name : names) {
        auto facts = facts_of(path == "/" ? "/" + name : path + "/" + name, "");
        if (!facts) { // gone meanwhile, a socket, not for us to read
            ++skipped;
            continue;
        }
        (*facts)["name"] = name;
        volumes.push_back(*std::move(facts));
    }
    PV_TRY(add_sizes(out, path));
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0) out["permissions"] = permissions_of(st, path);
    out["volumes"] = std::move(volumes);
    out["skipped"] = skipped;
    return out;
}

Result<Json> look(const Json& in) {
    Json out = Json::object(), volumes = Json::array();
    for (const Json& volume : in.at("volumes")) {
        const std::string path = text(volume, "path");
        auto facts = facts_of(path, text(volume, "format"));
        if (!facts && in.at("volumes").size() == 1) return std::move(facts).error();
        if (!facts) continue;
        (*facts)["name"] = text(volume, "name");
        volumes.push_back(*std::move(facts));
    }
    if (in.contains("path")) PV_TRY(add_sizes(out, text(in, "path")));
    out["volumes"] = std::move(volumes);
    return out;
}

Result<Json> probe(const Json& in) {
    struct stat st {};
    if (::stat(text(in, "path").c_str(), &st) != 0) return Json{{"there", false}};
    return Json{{"there", true}, {"folder", S_ISDIR(st.st_mode)}, {"block", S_ISBLK(st.st_mode)}};
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
