// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What a run has on the host beside its process: folders, control groups, files that are its emulator's meanwhile.

#include <algorithm>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "command/blockdev.h"
#include "driver.h"
#include "launch/listen.h"
#include "net/port.h"
#include "ownership/needs.h"
#include "run.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

constexpr std::string_view kVfioFolder = "/dev/vfio/";

} // namespace

// Makes a folder the emulator's own.
Status Run::give(const std::string& folder) const {
    if (!identity_.changes || ::chown(folder.c_str(), identity_.uid, identity_.gid) == 0) return {};
    return make_system_error(errno, ErrorDomain::qemu, fmt::format("unable to set user and group to '{}' on '{}'", identity_.label(), folder));
}

// Files of huge pages stand in a folder of the guest's own in their mount, which the emulator may not write to.
Status Run::make_huge_folders(HostResources& host) {
    for (auto& pages : host.huge_pages) {
        const std::string all = pages.mount + "/polyvirt-qemu", folder = fmt::format("{}/{}", all, folder_);
        if (std::find(folders_.begin(), folders_.end(), folder) == folders_.end()) continue;
        for (const std::string* path : {&all, &folder})
            if (::mkdir(path->c_str(), path == &all ? 0711 : 0700) != 0 && errno != EEXIST)
                return make_system_error(errno, ErrorDomain::qemu, "cannot make the folder '" + *path + "'");
        PV_TRY(give(folder));
        pages.mount = folder;
    }
    return {};
}

// What clients have opened for the guest's images.
Status Run::pass_groups(const Domain& domain, std::vector<UniqueFd>& passed, std::vector<std::string>& args) const {
    std::set<std::string> names;
    for (const auto& disk : domain.devices.disks)
        if (disk.source && !disk.source->fd_group.empty()) names.insert(disk.source->fd_group);
    const ObjectLock lock(guest_->mu);
    for (const std::string& name : names) {
        const auto group = guest_->fd_groups.find(name);
        if (group == guest_->fd_groups.end())
            return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "file descriptor group '{}' was not associated with the domain", name);
        for (const UniqueFd& fd : group->second.fds) {
            passed.emplace_back(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
            if (!passed.back()) return make_system_error(errno, ErrorDomain::qemu, "cannot pass a descriptor");
            args.insert(args.end(), {"-add-fd", fmt::format("set={},fd={}", fdset_of(name), kFirstPassed + static_cast<int>(passed.size()) - 1)});
        }
    }
    return {};
}

// Everything that must be put back is written down before it is changed.
Status Run::confine(const Domain& domain, pv_call* call) {
    Confinement& confinement = driver_.confinement();
    group_.make();
    if (!group_.why().empty() || (group_.empty() && driver_.settings().cgroups)) confinement.tell_groups_missing(group_.why());
    PV_TRY(take_devices(domain.devices, call));
    PV_ASSIGN_OR_RETURN(std::vector<Need> needs, confinement.needs(domain));
    return open_up(std::move(needs), call);
}

Status Run::open_up(std::vector<Need> needs, pv_call* call) {
    bool keep = false;
    {
        const ObjectLock lock(guest_->mu);
        keep = guest_->live && driver_.confinement().keeps_owners(*guest_->live);
    }
    for (Need& need : needs) need.keep = need.keep || keep;
    PV_ASSIGN_OR_RETURN(const std::vector<Claim> fresh, driver_.confinement().claims().reserve(identity_, needs));
    if (fresh.empty()) return {};
    {
        const ObjectLock lock(guest_->mu);
        guest_->claims.insert(guest_->claims.end(), fresh.begin(), fresh.end());
    }
    PV_TRY(driver_.save_status_now(guest_, call));
    return driver_.confinement().claims().apply(fresh);
}

void Run::close_up(const std::vector<Need>& needs) {
    std::vector<Claim> gone;
    {
        const ObjectLock lock(guest_->mu);
        for (const Need& need : needs) {
            const auto found = std::find_if(guest_->claims.begin(), guest_->claims.end(),
                                            [&need](const Claim& c) { return c.path == need.path; });
            if (found == guest_->claims.end()) continue;
            gone.push_back(std::move(*found));
            guest_->claims.erase(found);
        }
    }
    if (gone.empty()) return;
    driver_.confinement().claims().give_back(gone);
    if (const Status saved = driver_.save_status_now(guest_, nullptr); !saved)
        log::error("run", "{}: {}", who(), saved.error().message);
}

Status Run::take_devices(const sdk::domain::Devices& devices, pv_call* call) {
    PV_ASSIGN_OR_RETURN(const std::vector<HeldDevice> fresh, driver_.host_devices().reserve(guest_->name, devices));
    if (fresh.empty()) return {};
    {
        const ObjectLock lock(guest_->mu);
        guest_->host_devices.insert(guest_->host_devices.end(), fresh.begin(), fresh.end());
    }
    PV_TRY(driver_.save_status_now(guest_, call));
    PV_TRY(driver_.host_devices().apply(fresh));
    std::vector<Need> needs;
    for (const HeldDevice& d : fresh) {
        if (d.node.empty()) continue;
        if (d.node.starts_with(kVfioFolder)) needs.push_back({.path = std::string(kVfioFolder) + "vfio", .write = true, .keep = true});
        needs.push_back({.path = d.node, .write = d.write});
    }
    return open_up(std::move(needs), call);
}

void Run::return_device(const std::string& alias) {
    std::vector<HeldDevice> gone;
    {
        const ObjectLock lock(guest_->mu);
        for (const HeldDevice& d : guest_->host_devices)
            if (d.alias == alias) gone.push_back(d);
    }
    if (gone.empty()) return;
    for (const HeldDevice& d : gone)
        if (!d.node.empty()) close_up({{.path = d.node}});
    driver_.host_devices().give_back(guest_->name, gone);
    {
        const ObjectLock lock(guest_->mu);
        std::erase_if(guest_->host_devices, [&alias](const HeldDevice& d) { return d.alias == alias; });
    }
    if (const Status saved = driver_.save_status_now(guest_, nullptr); !saved)
        log::error("run", "{}: {}", who(), saved.error().message);
}

void Run::describe(StatusRecord& record) const {
    record.user = identity_.changes ? identity_.label() : std::string();
    record.group = group_.to_text();
    record.folders = folders_;
}

// [worker] What the run had goes, after its process.
void Run::clear() {
    for (const FsServer& server : std::exchange(servers_left_, {})) end_server(server);
    driver_.confinement().claims().give_back(std::exchange(claims_left_, {}));
    remove_links(guest_->name, std::exchange(links_left_, {}));
    driver_.host_devices().give_back(guest_->name, std::exchange(devices_left_, {}));
    group_.remove();
    write_log(fmt::format("shutting down, reason={}", end_name()));
    remove_folder();
}

} // namespace polyvirt::qemu
