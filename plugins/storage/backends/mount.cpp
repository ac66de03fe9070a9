// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Pools on a file system that they mount themselves.

#include <fstream>
#include <sstream>

#include <polyvirt/abi/gen/constants.h>

#include "backends/folder.h"
#include "base/error_text.h"

namespace polyvirt::storage {
namespace {

constexpr const char* kMountInfo = "/proc/self/mountinfo";

std::string mountinfo() {
    std::ifstream in(kMountInfo);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// "\040" is a space there.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
            i += 3;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

// A file system of that kind; what else is wanted of `mkfs` is that it does not ask.
std::vector<std::string> format_command(const std::string& format, const std::string& device, bool overwrite) {
    std::vector<std::string> argv = {"mkfs", "-t", format};
    if (overwrite) argv.emplace_back(format == "xfs" ? "-f" : "-F");
    argv.push_back(device);
    return argv;
}

std::vector<std::string> mount_command(const doc::Pool& pool) {
    std::string options = "nodev,nosuid,noexec";
    const std::string& format = pool.source->format;
    if (!pool.source->protocol_version.empty()) options += ",nfsvers=" + pool.source->protocol_version;
    if (format == "cifs") options += ",guest";
    if (format == "glusterfs") options += ",direct-io-mode=1";
    for (const doc::MountOption& option : pool.mount_options.options) options += "," + option.name;
    std::vector<std::string> argv = {"mount"};
    // With "auto" nfs is told by its source, file systems by what is on them.
    if (!format.empty() && format != "auto") argv.insert(argv.end(), {"-t", format});
    argv.insert(argv.end(), {"-o", options, "--", mount_source(pool), pool.target->path});
    return argv;
}

} // namespace

std::string mount_source(const doc::Pool& pool) {
    const doc::PoolSource& s = *pool.source;
    if (pool.type == doc::PoolType::fs) return s.devices.empty() ? std::string() : s.devices.front().path;
    if (s.format == "cifs") return "//" + s.hosts.front().name + "/" + s.dir;
    return s.hosts.front().name + ":" + s.dir;
}

std::string mounted_at(const std::string& path, std::string_view text) {
    std::string source;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word, point;
        for (int i = 0; i < 5 && words >> word; ++i) point = word; // the fifth is where
        if (unescaped(point) != path) continue;
        while (words >> word && word != "-") continue;
        if (words >> word >> word) source = unescaped(word); // the last one counts: it is on top
    }
    return source;
}

Task<Status> MountBackend::start(Place place) {
    if (!mounted_at(place.path(), mountinfo()).empty()) co_return Status{};
    if (mount_source(*place.pool).empty())
        co_return make_error(ErrorCode::internal_error, ErrorDomain::storage, "missing source device of storage pool '{}'", place.name());
    std::vector<std::string> argv = mount_command(*place.pool);
    auto mounted = co_await agent_.run(std::move(argv), place.patience);
    PV_CO_TRY(mounted);
    co_return Status{};
}

Task<Status> MountBackend::stop(Place place) {
    if (mounted_at(place.path(), mountinfo()).empty()) co_return Status{};
    std::vector<std::string> argv = {"umount", "--", place.path()};
    auto gone = co_await agent_.run(std::move(argv), place.patience);
    PV_CO_TRY(gone);
    co_return Status{};
}

Task<Status> MountBackend::build(Place place, std::uint32_t flags) {
    constexpr std::uint32_t kFormats = PV_STORAGE_POOL_BUILD_OVERWRITE | PV_STORAGE_POOL_BUILD_NO_OVERWRITE;
    PV_CO_TRY(co_await FolderBackend::build(place, flags));
    if ((flags & kFormats) == 0) co_return Status{};
    const std::string device = mount_source(*place.pool), format = place.pool->source->format;
    if (!device.starts_with('/'))
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "'{}' is no device to make a file system on", device);
    if (format.empty() || format == "auto" || place.pool->type != doc::PoolType::fs)
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "format of storage pool '{}' must be given to make a file system",
                             place.name());
    if ((flags & PV_STORAGE_POOL_BUILD_NO_OVERWRITE) != 0) {
        // Nothing on it: blkid says so by its status 2.
        std::vector<std::string> look = {"blkid", "-p", "-o", "value", "-s", "TYPE", "--", device};
        auto there = co_await agent_.run(std::move(look), place.patience);
        if (there)
            co_return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "device '{}' already formatted using '{}'", device,
                                 there->substr(0, there->find('\n')));
        if (there.error().message.find("exit status 2") == std::string::npos) co_return std::move(there).error();
    }
    std::vector<std::string> argv = format_command(format, device, (flags & PV_STORAGE_POOL_BUILD_OVERWRITE) != 0);
    auto made = co_await agent_.run(std::move(argv), place.patience.for_bytes(std::uint64_t{1} << 30));
    if (!made)
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "Failed to make filesystem of type '{}' on device '{}': {}", format,
                             device, made.error().message);
    co_return Status{};
}

Task<Result<bool>> MountBackend::is_started(Place place) { co_return !mounted_at(place.path(), mountinfo()).empty(); }

Task<Result<std::vector<doc::PoolSource>>> MountBackend::find_sources(std::optional<doc::PoolSource> source, Patience patience) {
    if (patience.pool != "netfs") co_return co_await Backend::find_sources(std::move(source), patience);
    if (!source || source->hosts.empty())
        co_return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "hostname must be specified for netfs sources");
    std::vector<std::string> argv = {"showmount", "--no-headers", "--exports", "--", source->hosts.front().name};
    auto shown = co_await agent_.run(std::move(argv), patience);
    PV_CO_TRY(shown);
    std::vector<doc::PoolSource> found;
    std::istringstream lines(*shown);
    for (std::string line; std::getline(lines, line);) {
        doc::PoolSource one;
        one.hosts = {source->hosts.front()};
        one.dir = line.substr(0, line.find(' '));
        one.format = "nfs";
        if (!one.dir.empty()) found.push_back(std::move(one));
    }
    co_return found;
}

} // namespace polyvirt::storage
