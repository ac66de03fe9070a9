// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A start that was cut off by the daemon's end: its record says what was under way. The guest never ran.

#include <charconv>

#include <dirent.h>

#include "base/log.h"
#include "cgroup/files.h"
#include "driver.h"
#include "sdk/cgroup/end_process.h"
#include "launch/remove.h"
#include "net/port.h"
#include "run.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

// The emulator that was told to keep its pid in this file: only a start that was cut off between the process and its record
// has one, so all processes are looked at.
std::int64_t emulator_with(const std::string& pidfile) {
    std::int64_t found = 0;
    DIR* const dir = ::opendir("/proc");
    if (dir == nullptr) return 0;
    while (const dirent* entry = ::readdir(dir)) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
        const std::string_view name = entry->d_name;
        std::int64_t pid = 0;
        const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc() || stop != name.data() + name.size()) continue;
        const auto words = read_file(fmt::format("/proc/{}/cmdline", pid));
        if (words && words->find(std::string("-pidfile") + '\0' + pidfile + '\0') != std::string::npos) found = pid;
    }
    ::closedir(dir);
    return found;
}

} // namespace

void Driver::clear_cut_start(const StatusRecord& record) {
    const char* const run = s_.paths->dir(s_.host, PV_PATH_RUN);
    const char* const state = s_.paths->dir(s_.host, PV_PATH_STATE);
    if (run == nullptr || state == nullptr) return;
    const std::string folder = fmt::format("{}/{}", run, record.folder);
    if (const std::int64_t pid = emulator_with(folder + "/emulator.pid"); pid > 0) sdk::end_process(pid);
    remove_links(record.name, record.links);
    for (const FsServer& server : record.servers) end_server(server);
    cgroup::Group::from_text(record.group, ErrorDomain::qemu).remove();
    confinement_.claims().restore(record.claims);
    confinement_.claims().give_back(record.claims);
    host_devices_.restore(record.name, record.host_devices);
    host_devices_.give_back(record.name, record.host_devices);
    std::vector<std::string> folders = record.folders;
    folders.insert(folders.end(), {folder, fmt::format("{}/ram/{}-{}", state, record.id, record.name)});
    for (const std::string& path : folders) remove_tree(path);
    log::warning("startup", "domain '{}': its start was cut off when the daemon ended; what it had made is removed", record.name);
    if (const Status gone = statuses_.remove(record.name + ".json"); !gone) log::error("startup", "{}", gone.error().message);
}

} // namespace polyvirt::qemu
