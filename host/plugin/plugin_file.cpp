// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/plugin_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::plugin {
namespace {

Error refuse(const std::string& path, std::string_view why) {
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "plugin {}: {}", path, why);
}

Status check_stat(const struct stat& st, const std::string& path, const char* what, uid_t owner) {
    if (st.st_uid != 0 && st.st_uid != owner)
        return refuse(path, fmt::format("{} belongs to uid {}; it must belong to root or to the owner of the daemon's "
                                        "program (uid {})",
                                        what, st.st_uid, owner));
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return refuse(path, fmt::format("{} may be written by its group or by others (mode {:04o}); chmod go-w it", what,
                                        st.st_mode & 07777));
    return {};
}

// The file's own name, so that the folder which is checked is the one it lies in.
Result<std::string> real_name(int fd, const std::string& path) {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t n = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), buffer.data(), buffer.size());
    if (n <= 0 || n == static_cast<ssize_t>(buffer.size()))
        return make_system_error(n < 0 ? errno : ENAMETOOLONG, ErrorDomain::none, "plugin " + path + ": its real name");
    return std::string(buffer.data(), static_cast<std::size_t>(n));
}

FileStamp stamp_of(const struct stat& st) {
    return {st.st_dev, st.st_ino, static_cast<std::uint64_t>(st.st_size),
            std::int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
}

std::vector<std::string> kind_names(const std::vector<std::uint32_t>& kinds) {
    std::vector<std::string> names;
    for (const std::uint32_t kind : kinds) names.emplace_back(kind_name(kind));
    return names;
}

} // namespace

Status check_owner(int fd, const std::string& path, uid_t owner) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return make_system_error(errno, ErrorDomain::none, "plugin " + path);
    if (!S_ISREG(st.st_mode)) return refuse(path, "not a regular file");
    PV_TRY(check_stat(st, path, "the file", owner));
    const std::string folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    const UniqueFd dir(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir || ::fstat(dir.get(), &st) != 0)
        return make_system_error(errno, ErrorDomain::none, "plugin folder " + folder);
    return check_stat(st, path, ("its folder " + folder).c_str(), owner);
}

uid_t program_owner() {
    struct stat st {};
    return ::stat("/proc/self/exe", &st) == 0 ? st.st_uid : 0;
}

Result<PluginFile> read_plugin_file(const std::string& path) {
    PluginFile file;
    file.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat st {};
    if (!file.fd || ::fstat(file.fd.get(), &st) != 0)
        return make_system_error(errno, ErrorDomain::none, "plugin " + path);
    if (!S_ISREG(st.st_mode)) return refuse(path, "not a regular file");
    file.stamp = stamp_of(st);
    PV_ASSIGN_OR_RETURN(file.path, real_name(file.fd.get(), path));
    PV_ASSIGN_OR_RETURN(const std::string text, read_manifest_note(file.fd.get(), file.path));
    PV_ASSIGN_OR_RETURN(file.manifest, parse_manifest(text, file.path));
    return file;
}

Status check_plugin_file(const PluginFile& file, const std::vector<Offer>& offers) {
    PV_TRY(check_owner(file.fd.get(), file.path, program_owner()));
    return check_manifest(file.manifest, offers, file.path);
}

std::vector<std::string> find_plugin_files(const std::vector<std::string>& folders,
                                           std::vector<FolderProblem>& problems) {
    std::vector<std::string> all;
    for (const std::string& folder : folders) {
        const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
        if (!dir) {
            const int error = errno;
            problems.push_back({folder, make_system_error(error, ErrorDomain::none, "open"), error == ENOENT});
            continue;
        }
        std::vector<std::string> names;
        while (const dirent* entry = ::readdir(dir.get())) { // NOLINT(concurrency-mt-unsafe): a stream of our own
            const std::string name = entry->d_name;
            if (name.size() > 3 && name.front() != '.' && name.ends_with(".so")) names.push_back(folder + "/" + name);
        }
        std::sort(names.begin(), names.end());
        all.insert(all.end(), names.begin(), names.end());
    }
    return all;
}

Facts manifest_facts(const Manifest& manifest) {
    std::vector<std::string> needs;
    for (const Need& need : manifest.needs)
        needs.push_back(need.size == 0 ? need.id : fmt::format("{}>={}", need.id, need.size));
    Facts facts = {{"id", {manifest.id}}, {"type", {manifest.type}}};
    if (!manifest.version.empty()) facts.push_back({"version", {manifest.version}});
    facts.push_back({"abi", {fmt::format("{}.{}", manifest.abi_major, manifest.abi_minor)}});
    facts.push_back({"provides", manifest.provides, true});
    facts.push_back({"needs", needs, true});
    facts.push_back({"uri", manifest.uri, true});
    facts.push_back({"kinds", kind_names(manifest.kinds), true});
    facts.push_back({"serves", kind_names(manifest.serves), true});
    facts.push_back({"uses", kind_names(manifest.uses), true});
    return facts;
}

} // namespace polyvirt::plugin
