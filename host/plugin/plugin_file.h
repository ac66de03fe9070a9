// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A plugin's file, looked at without running any of it: whose it is, and what its manifest says. What
// administrators are shown, and what decides whether it is loaded at all. Any thread; waits for the disk.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "host/plugin/manifest.h"

namespace polyvirt::plugin {

// Tells one state of a file from another: a new file has another number, one that was written over another
// time or size.
struct FileStamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const FileStamp&) const = default;
    [[nodiscard]] bool same_file(const FileStamp& other) const {
        return device == other.device && inode == other.inode;
    }
};

struct PluginFile {
    std::string path; // symbolic links followed
    UniqueFd fd;      // of what was looked at
    FileStamp stamp;
    Manifest manifest;
};

// A plugin's file and the folder it is in belong to root or to `owner`, and nobody else may write either
// (root may replace them anyway). Otherwise whoever can write there would be root.
[[nodiscard]] Status check_owner(int fd, const std::string& path, uid_t owner);
// The owner of the running program's file.
[[nodiscard]] uid_t program_owner();

// Opens it and reads the manifest; says nothing yet of owner and needs. Errors name the file.
[[nodiscard]] Result<PluginFile> read_plugin_file(const std::string& path);
// The owner's rule, then what the manifest needs against what this host offers.
[[nodiscard]] Status check_plugin_file(const PluginFile& file, const std::vector<Offer>& offers);

// The *.so of the folders, in order of folders and of names. A folder that cannot be read is told to `problem`.
struct FolderProblem {
    std::string folder;
    Error error;
    bool absent = false;
};
[[nodiscard]] std::vector<std::string> find_plugin_files(const std::vector<std::string>& folders,
                                                         std::vector<FolderProblem>& problems);

// What is to be shown of it, in order: "abi" is "0.1", "needs" is "host.call/1", "host.loop/1>=64", ... The
// digests are read from the whole file.
struct Fact {
    std::string name;
    std::vector<std::string> values;
    bool is_list = false; // else there is one value
};
using Facts = std::vector<Fact>;
[[nodiscard]] Facts manifest_facts(const Manifest& manifest);
[[nodiscard]] Result<Facts> file_facts(const PluginFile& file);

} // namespace polyvirt::plugin
