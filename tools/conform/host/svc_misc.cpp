// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.check/1, host.client/1, host.config/1, host.log/1, host.paths/1, and the table of all services.

#include <array>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

pv_status copy_text(const std::string& text, char* buffer, std::uint32_t length) {
    if (buffer == nullptr || text.size() >= length) return PV_ABI;
    std::memcpy(buffer, text.c_str(), text.size() + 1);
    return PV_OK;
}

// check ---------------------------------------------------------------------------------------------------------

std::uint8_t* lock_rank() noexcept { return &t_state.rank; }
std::uint32_t thread_kind() noexcept { return t_state.kind; }

// client --------------------------------------------------------------------------------------------------------

pv_status on_close(pv_host* host, std::uint64_t client, std::uint32_t kind, std::uint64_t object) noexcept {
    const Service service("client.on_close");
    if (service.fails()) return PV_GONE;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    host->closes.insert({client, kind, object});
    return PV_OK;
}
pv_status forget(pv_host* host, std::uint64_t client, std::uint32_t kind, std::uint64_t object) noexcept {
    const Service service("client.forget");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    return host->closes.erase({client, kind, object}) != 0 ? PV_OK : PV_GONE;
}
pv_status identity(pv_call* call, const char* key, char* buffer, std::uint32_t length) noexcept {
    const Service service("client.identity");
    if (service.fails() || key == nullptr) return PV_UNSUPPORTED;
    const LeafLock lock(g_mu);
    if (world().handles.valid(call, service) == nullptr) return PV_ABI;
    const std::string_view k(key);
    if (k == "uid") return copy_text(std::to_string(::getuid()), buffer, length);
    if (k == "gid") return copy_text(std::to_string(::getgid()), buffer, length);
    if (k == "pid") return copy_text(std::to_string(::getppid()), buffer, length);
    if (k == "transport") return copy_text("unix", buffer, length);
    return PV_UNSUPPORTED;
}

// config --------------------------------------------------------------------------------------------------------

pv_status get(pv_host* host, const char* key, char* buffer, std::uint32_t length) noexcept {
    const Service service("config.get");
    if (service.fails()) return PV_GONE;
    if (host == nullptr || key == nullptr) {
        complain("services.arguments", "config.get: null");
        return PV_ABI;
    }
    fact("settings", key);
    for (const auto& [name, value] : world().subject->settings)
        if (name == key) return copy_text(value, buffer, length);
    return PV_GONE;
}

// log -----------------------------------------------------------------------------------------------------------

void write(pv_host*, std::int32_t level, const char* category, const char* text) noexcept {
    const Service service("log.write");
    if (level < PV_LOG_DEBUG || level > PV_LOG_ERROR || text == nullptr) complain("services.arguments", "log.write: level {}, text {}", level, text != nullptr ? "there" : "null");
    else log_text("{}: {}", category != nullptr ? category : "", text);
}
std::int32_t level(pv_host*) noexcept { return PV_LOG_DEBUG; }

// paths ---------------------------------------------------------------------------------------------------------

// As the host has it.
std::string programs_of(const std::string& plugin, const std::string& id) {
    std::error_code failed;
    const std::filesystem::path folder = std::filesystem::canonical(plugin, failed).parent_path();
    const std::filesystem::path own = folder / (id + ".programs");
    return (std::filesystem::is_directory(own, failed) ? own : folder).string();
}

const char* dir(pv_host* host, std::uint32_t which) noexcept {
    const Service service("paths.dir");
    if (service.fails()) return nullptr;
    constexpr std::array kNames = {"", "etc", "state", "run", "cache", "log", "programs"};
    if (which == 0 || which >= kNames.size()) {
        complain("services.arguments", "paths.dir: {} is unknown", which);
        return nullptr;
    }
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return nullptr;
    std::string& path = host->dirs[which];
    if (path.empty() && which == PV_PATH_PROGRAMS) {
        path = programs_of(world().subject->path, world().subject->manifest.id);
    } else if (path.empty()) {
        path = host->folder + "/" + kNames[which];
        std::error_code ignored;
        std::filesystem::create_directories(path, ignored);
        ::chmod(path.c_str(), which == PV_PATH_LOG || which == PV_PATH_STATE || which == PV_PATH_RUN ? 0711 : 0700);
    }
    return path.c_str();
}

} // namespace

const pv_svc_check kCheck = {sizeof(pv_svc_check), 0, lock_rank, thread_kind};
const pv_svc_client kClient = {sizeof(pv_svc_client), 0, on_close, forget, identity};
const pv_svc_config kConfig = {sizeof(pv_svc_config), 0, get};
const pv_svc_log kLog = {sizeof(pv_svc_log), 0, write, level};
const pv_svc_paths kPaths = {sizeof(pv_svc_paths), 0, dir};

namespace {

struct Entry {
    const char* id;
    const void* table;
};
constexpr std::array kServices = {
    Entry{PV_SVC_BUILD, &kBuild},   Entry{PV_SVC_CALL, &kCall},   Entry{PV_SVC_CHECK, &kCheck},       Entry{PV_SVC_CLIENT, &kClient},
    Entry{PV_SVC_CONFIG, &kConfig}, Entry{PV_SVC_DRIVER, &kDriver}, Entry{PV_SVC_EVENT, &kEvent}, Entry{PV_SVC_JOB, &kJob},           Entry{PV_SVC_LOG, &kLog},
    Entry{PV_SVC_LOOP, &kLoop},     Entry{PV_SVC_PATHS, &kPaths}, Entry{PV_SVC_PROC, &kProc},         Entry{PV_SVC_REGISTRY, &kRegistry},
    Entry{PV_SVC_STATE, &kState},   Entry{PV_SVC_STREAM, &kStream},
};

} // namespace

const void* service_table(std::string_view id) {
    for (const Entry& e : kServices)
        if (e.id == id) return e.table;
    return nullptr;
}
std::vector<const char*> service_ids() {
    std::vector<const char*> ids;
    for (const Entry& e : kServices) ids.push_back(e.id);
    return ids;
}

} // namespace polyvirt::conform
