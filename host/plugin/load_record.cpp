// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/load_record.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace polyvirt::plugin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMost = 10'000; // plugins of which something is remembered
constexpr const char* kPiece = "~open~"; // no plugin's name has a '~'

std::string key_of(const std::string& id, LoadRecord::Step step) {
    return step == LoadRecord::Step::open ? id + "~open" : id;
}

// The number behind it cut off, if it is a piece.
std::string key_of_file(const std::string& name) {
    const std::size_t at = name.find(kPiece);
    return at == std::string::npos ? name : name.substr(0, name.rfind('~'));
}

Error file_error(std::string_view what, const std::string& path) {
    return make_system_error(errno, ErrorDomain::none, fmt::format("{} '{}'", what, path));
}

Status make_folder(const std::string& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (!error) return {};
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "cannot make the folder '{}': {}", path,
                      error.message());
}

Status sync(const std::string& path, int flags) {
    const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
    return fd && ::fsync(fd.get()) == 0 ? Status() : Status(file_error("cannot sync", path));
}

// Whole or not at all. `durable`: outlasts the machine's crash, not only the daemon's.
Status write_file(const std::string& path, const std::string& text, bool durable) {
    const std::string temporary = path + ".new";
    {
        const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            return file_error("cannot write", temporary);
        if (durable && ::fsync(fd.get()) != 0) return file_error("cannot sync", temporary);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return file_error("cannot rename to", path);
    return durable ? sync(path.substr(0, path.rfind('/')), O_RDONLY | O_DIRECTORY) : Status();
}

} // namespace

LoadRecord::LoadRecord(std::string folder) : folder_(std::move(folder)) {
    if (folder_.empty()) return;
    read_crashes();
    std::ifstream in(disabled_file());
    const LeafLock lock(mu_);
    for (std::string line; disabled_.size() < kMost && std::getline(in, line);)
        if (!line.empty() && line.front() != '#') disabled_.insert(line);
}

std::set<std::string> LoadRecord::disabled() const {
    const LeafLock lock(mu_);
    return disabled_;
}

Status LoadRecord::set_disabled(const std::string& id, bool disabled) {
    std::set<std::string> wanted = this->disabled();
    if (disabled == (wanted.count(id) != 0)) return {};
    if (disabled) wanted.insert(id);
    else wanted.erase(id);
    if (!folder_.empty()) {
        std::string text = "# Plugins that an administrator disabled, one a line (polyvirt plugin enable NAME).\n";
        for (const std::string& one : wanted) text += one + "\n";
        PV_TRY(make_folder(folder_));
        PV_TRY(write_file(disabled_file(), text, true));
    }
    const LeafLock lock(mu_);
    disabled_ = std::move(wanted);
    return {};
}

// A file holds "COUNT DEVICE INODE SIZE TIME". Its name is the key, which for opens has a number behind it while one is
// under way: what a crash leaves of those is put together here. One with nonsense in it does not count.
void LoadRecord::read_crashes() {
    std::error_code error;
    std::size_t seen = 0;
    std::vector<std::string> pieces;
    for (fs::directory_iterator at(crash_folder(), error), end; !error && at != end && seen++ < kMost; at.increment(error)) {
        std::ifstream in(at->path());
        Crash crash;
        FileStamp& stamp = crash.stamp;
        if (!(in >> crash.count >> stamp.device >> stamp.inode >> stamp.size >> stamp.modified_ns)) continue;
        const std::string name = at->path().filename().string();
        const std::string key = key_of_file(name);
        if (key != name) pieces.push_back(name);
        const LeafLock lock(mu_);
        if (Crash& known = crashes_[key]; known.count < crash.count) known = crash;
    }
    for (const std::string& name : pieces) {
        const std::string key = key_of_file(name);
        Crash crash;
        {
            const LeafLock lock(mu_);
            crash = crashes_.at(key);
        }
        if (write_crash(crash_file(key), crash)) ::unlink(crash_file(name).c_str());
    }
}

Status LoadRecord::write_crash(const std::string& file, const Crash& crash) const {
    PV_TRY(make_folder(crash_folder()));
    const FileStamp& stamp = crash.stamp;
    return write_file(file,
                      fmt::format("{} {} {} {} {}\n", crash.count, stamp.device, stamp.inode, stamp.size, stamp.modified_ns),
                      false);
}

unsigned LoadRecord::crashes(const std::string& id, const FileStamp& stamp, Step step) const {
    const LeafLock lock(mu_);
    const auto it = crashes_.find(key_of(id, step));
    return it != crashes_.end() && it->second.stamp == stamp ? it->second.count : 0;
}

std::string LoadRecord::begin(const std::string& id, const FileStamp& stamp, Step step) {
    if (folder_.empty()) return {};
    std::string file = crash_file(key_of(id, step));
    if (step == Step::open) file += "~" + std::to_string(opens_.fetch_add(1));
    const Status done = write_crash(file, {crashes(id, stamp, step) + 1, stamp});
    if (!done) log::warning("plugin", "a crash of '{}' would not be remembered: {}", id, done.error().message);
    return file;
}

void LoadRecord::end(const std::string& begun) {
    if (!begun.empty()) ::unlink(begun.c_str());
}

void LoadRecord::forget_crashes(const std::string& id, Step step) {
    const std::string key = key_of(id, step);
    if (!folder_.empty()) ::unlink(crash_file(key).c_str());
    const LeafLock lock(mu_);
    crashes_.erase(key);
}

} // namespace polyvirt::plugin
