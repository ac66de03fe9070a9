// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/loader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <boost/dll/shared_library.hpp>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::plugin {
namespace {

constexpr std::size_t kMinTable = offsetof(pv_plugin, destroy) + sizeof(void*);

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

// Boost adds what it takes for errno's text; the loader's own words are all that counts.
std::string loader_text(std::string text) {
    const std::string_view intro = "dlerror system message: ";
    if (const std::size_t at = text.find(intro); at != std::string::npos) {
        text.erase(0, at + intro.size());
        if (const std::size_t end = text.rfind("): "); end != std::string::npos) text.resize(end);
    }
    return text;
}

Result<boost::dll::shared_library> open_library(const std::string& path) {
    namespace dll = boost::dll;
    // NODELETE: thread-local destructors and unique symbols make unmapping unsafe (docs/plugin-abi.md, M1-M3).
    // Boost has no name for it but passes the bits on.
    const auto mode = static_cast<dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    try {
        return dll::shared_library(path, mode);
    } catch (const std::exception& e) {
        return refuse(path, "cannot be loaded: " + loader_text(e.what()));
    }
}

struct Required {
    const char* name;
    bool there;
};

Status check_table(const pv_plugin& p, const Manifest& manifest, const std::string& path) {
    const std::array required = {Required{"id", p.id != nullptr},
                                 Required{"probe", p.probe != nullptr},
                                 Required{"create", p.create != nullptr},
                                 Required{"get_interface", p.get_interface != nullptr},
                                 Required{"start", p.start != nullptr},
                                 Required{"stop", p.stop != nullptr},
                                 Required{"destroy", p.destroy != nullptr}};
    for (const Required& r : required)
        if (!r.there) return refuse(path, fmt::format("its plugin table has no '{}'", r.name));
    if (manifest.id != p.id)
        return refuse(path, fmt::format("its manifest says id '{}', its plugin table '{}'", manifest.id, p.id));
    if (p.concurrency < PV_CONCURRENCY_SERIAL_ALL || p.concurrency > PV_CONCURRENCY_PARALLEL)
        return refuse(path, fmt::format("concurrency {} is unknown (1: one op at a time, 2: one per object, 3: "
                                        "parallel)",
                                        p.concurrency));
    return {};
}

Result<pv_plugin> call_entry(const boost::dll::shared_library& library, const pv_host_root& root,
                             const std::string& path) {
    constexpr const char* kEntry = "pv_plugin_entry_v1";
    pv_plugin_entry_fn entry = nullptr;
    try {
        if (library.has(kEntry)) entry = &library.get<std::remove_pointer_t<pv_plugin_entry_fn>>(kEntry);
    } catch (const std::exception& e) {
        return refuse(path, std::string("cannot find ") + kEntry + ": " + e.what());
    }
    if (entry == nullptr) return refuse(path, std::string("it does not export ") + kEntry);

    std::array<char, 512> why{};
    const pv_plugin* theirs = entry(&root, why.data(), static_cast<std::uint32_t>(why.size()));
    if (theirs == nullptr) {
        why.back() = '\0';
        return refuse(path, fmt::format("it refuses to be loaded: {}", why[0] != '\0' ? why.data() : "(no reason given)"));
    }
    if (theirs->size < kMinTable)
        return refuse(path, fmt::format("its plugin table has {} bytes, at least {} are needed", theirs->size, kMinTable));
    pv_plugin ours{};
    std::memcpy(&ours, theirs, std::min<std::size_t>(theirs->size, sizeof(ours)));
    ours.size = sizeof(ours);
    return ours;
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

Result<std::shared_ptr<const Generation>> load_plugin(const std::string& path, const std::vector<Offer>& offers,
                                                      const pv_host_root& root) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return make_system_error(errno, ErrorDomain::none, "plugin " + path);
    auto generation = std::make_shared<Generation>();
    PV_ASSIGN_OR_RETURN(generation->path, real_name(fd.get(), path));
    PV_TRY(check_owner(fd.get(), generation->path, program_owner()));
    PV_ASSIGN_OR_RETURN(const std::string text, read_manifest_note(fd.get(), generation->path));
    PV_ASSIGN_OR_RETURN(generation->manifest, parse_manifest(text, generation->path));
    PV_TRY(check_manifest(generation->manifest, offers, generation->path));
    // By its real name, in a folder that only its owner and root can change: what was checked is what loads.
    PV_ASSIGN_OR_RETURN(const boost::dll::shared_library library, open_library(generation->path));
    PV_ASSIGN_OR_RETURN(generation->plugin, call_entry(library, root, generation->path));
    PV_TRY(check_table(generation->plugin, generation->manifest, generation->path));
    log::info("plugin", "{} {} loaded from {}", generation->plugin.id,
              generation->plugin.version != nullptr ? generation->plugin.version : "(no version)", generation->path);
    return std::shared_ptr<const Generation>(std::move(generation));
}

} // namespace polyvirt::plugin
