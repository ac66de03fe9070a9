// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <cerrno>
#include <charconv>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "sdk/cgroup/cgroup.h"
#include "sdk/cgroup/files.h"
#include "sdk/cgroup/end_process.h"

namespace polyvirt::sdk::cgroup {
namespace {

constexpr std::uint32_t kOfThreads = bit(Controller::cpu) | bit(Controller::cpuacct) | bit(Controller::cpuset);
constexpr int kMakeAttempts = 4; // another guest's end may take the partition away in between

Status failed(const char* what, const std::string& path) {
    return make_system_error(errno, ErrorDomain::none, fmt::format("{} '{}'", what, path));
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// A new group of v1's cpuset has no processors and no memory, and takes nobody. So may be one that a daemon made which died
// just then, and the one above it.
Status fill_cpuset(const std::string& folder) {
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
        const auto own = read_file(folder + file);
        if (!own) return own.error();
        if (!own->empty()) continue;
        PV_TRY(fill_cpuset(parent_of(folder)));
        const auto above = read_file(parent_of(folder) + file);
        if (!above) return above.error();
        PV_TRY(write_file(folder + file, *above));
    }
    return {};
}

// Gives v2's controllers on from a group to what is in it. Those that are not to be had are missed when they are asked for,
// by name.
void pass_on(const std::string& folder, std::uint32_t controllers) {
    std::string wanted;
    for (std::size_t i = 0; i < kControllers; ++i) {
        const auto c = static_cast<Controller>(i);
        if ((controllers & bit(c)) != 0) wanted += fmt::format("+{} ", c == Controller::blkio ? "io" : name(c));
    }
    static_cast<void>(write_file(folder + "/cgroup.subtree_control", wanted));
}

Status make_one(const std::string& folder, int version, std::uint32_t controllers) {
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
        if (errno != ENOENT || folder.size() < 2) return failed("cannot make the control group", folder);
        PV_TRY(make_one(parent_of(folder), version, controllers));
        if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return failed("cannot make the control group", folder);
    }
    if (version == 1 && (controllers & bit(Controller::cpuset)) != 0) return fill_cpuset(folder);
    if (version == 2) pass_on(parent_of(folder), controllers);
    return {};
}

std::vector<std::int64_t> members(const std::string& folder) {
    std::vector<std::int64_t> pids;
    const auto text = read_file(folder + "/cgroup.procs");
    if (!text) return pids;
    const char* at = text->data();
    const char* const end = at + text->size();
    while (at < end) {
        std::int64_t pid = 0;
        const auto [next, error] = std::from_chars(at, end, pid);
        if (error == std::errc() && pid > 0) pids.push_back(pid);
        at = next + 1;
    }
    return pids;
}

// What is frozen cannot end. Nothing where it is not a freezer's.
void thaw_tree(const std::string& folder) {
    static_cast<void>(write_file(folder + "/freezer.state", "THAWED"));
    static_cast<void>(write_file(folder + "/cgroup.freeze", "0"));
    if (DIR* dir = ::opendir(folder.c_str())) {
        while (const dirent* entry = ::readdir(dir)) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.') thaw_tree(folder + "/" + entry->d_name);
        }
        ::closedir(dir);
    }
}

void remove_tree(const std::string& folder) {
    if (DIR* dir = ::opendir(folder.c_str())) {
        while (const dirent* entry = ::readdir(dir)) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.') remove_tree(folder + "/" + entry->d_name);
        }
        ::closedir(dir);
    }
    if (::rmdir(folder.c_str()) == 0 || errno != EBUSY) return;
    // Helpers that outlived their guest.
    for (const std::int64_t pid : members(folder)) sdk::end_process(pid);
    if (::rmdir(folder.c_str()) != 0 && errno != ENOENT)
        log::warning("cgroup", "cannot remove the control group '{}': errno {}", folder, errno);
}

} // namespace

const Group::Place* Group::place_of(Controller controller) const {
    for (const Place& p : places_)
        if ((p.controllers & bit(controller)) != 0) return &p;
    return nullptr;
}

Result<const Group::Place*> Group::need(Controller controller) const {
    if (const Place* const place = place_of(controller)) return place;
    std::string upper(name(controller));
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return invalid(fmt::format("cgroup {} controller is not mounted{}{}", upper, why_.empty() ? "" : ": ", why_));
}

Error Group::invalid(std::string text) const { return make_error_text(ErrorCode::operation_invalid, domain_, std::move(text)); }

int Group::version(Controller controller) const {
    const Place* const place = place_of(controller);
    return place != nullptr ? place->version : 0;
}

std::string Group::folder(Controller controller) const {
    const Place* const place = place_of(controller);
    return place != nullptr ? place->folder : std::string();
}

Result<std::string> Group::get(Controller controller, std::string_view file) const {
    PV_ASSIGN_OR_RETURN(const Place* const place, need(controller));
    return read_file(place->folder + "/" + std::string(file));
}

Status Group::set(Controller controller, std::string_view file, std::string_view value) const {
    PV_ASSIGN_OR_RETURN(const Place* const place, need(controller));
    return write_file(place->folder + "/" + std::string(file), value);
}

std::vector<std::string> Group::to_text() const {
    std::vector<std::string> lines;
    for (const Place& p : places_) {
        std::string list;
        for (std::size_t i = 0; i < kControllers; ++i)
            if ((p.controllers & 1U << i) != 0) list += fmt::format("{}{}", list.empty() ? "" : ",", name(static_cast<Controller>(i)));
        lines.push_back(fmt::format("{}:{}:{}", p.version, list, p.folder));
    }
    return lines;
}

Group Group::from_text(const std::vector<std::string>& lines, ErrorDomain domain) {
    Group group;
    group.domain_ = domain;
    for (const std::string& line : lines) {
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        Place place{line.substr(second + 1), line.starts_with('2') ? 2 : 1, 0, false};
        const std::string list = "," + line.substr(first + 1, second - first - 1) + ",";
        for (std::size_t i = 0; i < kControllers; ++i)
            if (list.find(fmt::format(",{},", name(static_cast<Controller>(i)))) != std::string::npos) place.controllers |= 1U << i;
        group.places_.push_back(std::move(place));
    }
    return group;
}

void Group::make() {
    std::erase_if(places_, [this](const Place& p) {
        Status made;
        for (int attempt = 0; attempt < kMakeAttempts; ++attempt) {
            made = make_one(p.folder, p.version, p.controllers);
            if (made || made.error().int1 != ENOENT) break;
        }
        if (made) return false;
        why_ = made.error().message;
        return true;
    });
}

Result<Group> Group::thread_group(std::string_view child) const {
    Group group;
    group.why_ = why_;
    group.domain_ = domain_;
    for (const Place& p : places_) {
        const std::uint32_t controllers = p.controllers & kOfThreads;
        if (controllers == 0) continue;
        Place place{fmt::format("{}/{}", p.folder, child), p.version, controllers, true};
        const bool fresh = ::mkdir(place.folder.c_str(), 0755) == 0;
        if (!fresh && errno != EEXIST) return failed("cannot make the control group", place.folder).error();
        if (fresh && p.version == 1 && (controllers & bit(Controller::cpuset)) != 0) PV_TRY(fill_cpuset(place.folder));
        if (fresh && p.version == 2) {
            PV_TRY(write_file(place.folder + "/cgroup.type", "threaded"));
            pass_on(p.folder, controllers & (bit(Controller::cpu) | bit(Controller::cpuset)));
        }
        group.places_.push_back(std::move(place));
    }
    return group;
}

Status Group::add_thread(std::int64_t tid) const {
    for (const Place& p : places_) {
        if (!p.threads && (p.controllers & kOfThreads) == 0) continue;
        const char* const file = p.version == 2 ? "/cgroup.threads" : "/tasks";
        PV_TRY(write_file(p.folder + file, std::to_string(tid)));
    }
    return {};
}

std::vector<UniqueFd> Group::entrances() const {
    std::vector<UniqueFd> fds;
    for (const Place& p : places_) {
        UniqueFd fd(::open((p.folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
        if (fd) fds.push_back(std::move(fd));
    }
    return fds;
}

void Group::remove() const {
    for (const Place& p : places_)
        if (p.controllers == 0 || p.version == 2) thaw_tree(p.folder);
    for (const Place& p : places_) {
        remove_tree(p.folder);
        // Its partition and this daemon's part; where others are in one, it stays.
        const std::string partition = parent_of(p.folder);
        if (::rmdir(partition.c_str()) == 0) ::rmdir(parent_of(partition).c_str());
    }
}

} // namespace polyvirt::sdk::cgroup
