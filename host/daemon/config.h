// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Config: polyvirtd.yaml and its drop-in files, or a libvirtd.conf (libvirtd_conf.h), checked against the
// table of settings. Immutable after load(); any thread. Who may be told of another configuration while running holds a shared_ptr<const
// Config>.
//
//     config.integer("limits.max_clients")
//
// A getter that is asked for a setting which the table does not have, or of another kind, is our own mistake
// and aborts.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/daemon/settings.h"

namespace polyvirt::daemon {

struct Origin {
    std::string file; // empty: nobody set it
    int line = 0, column = 0;
    std::string note = {}; // "follows workers.max", of a default that another setting moved

    [[nodiscard]] bool given() const { return !file.empty(); }
};

struct ConfigFiles {
    std::string file = {};   // whose name ends in .conf: in libvirtd.conf's format; any other: YAML
    bool must_exist = false; // it was asked for by name
    std::string instead = {}; // a libvirtd.conf that is read if `file` is not there; empty: none
};

class Config {
  public:
    struct Loaded;

    // `file`, then the *.yaml of its drop-in folder (the same path with .d for .yaml) in the order of their
    // names; what comes later wins, lists are replaced. All that is wrong is reported, not only the first.
    // A file that does not exist is an error if it `must_exist`. The folder is that of `file` in any case.
    static Loaded load(const ConfigFiles& files);
    // The same, all problems in one error.
    static Result<Config> load_or_error(const ConfigFiles& files);
    // Defaults alone.
    Config();

    [[nodiscard]] bool flag(std::string_view path) const;
    [[nodiscard]] std::int64_t integer(std::string_view path) const;
    [[nodiscard]] std::uint64_t size(std::string_view path) const; // bytes
    [[nodiscard]] std::chrono::milliseconds duration(std::string_view path) const;
    [[nodiscard]] std::uint32_t mode(std::string_view path) const;
    [[nodiscard]] const std::string& text(std::string_view path) const; // a choice too
    [[nodiscard]] const std::vector<std::string>& list(std::string_view path) const;
    // Of any kind that is a number: bytes, milliseconds, 0 or 1.
    [[nodiscard]] std::int64_t number(std::string_view path) const;
    [[nodiscard]] const Origin& origin(std::string_view path) const;
    // "FILE:LINE: PATH", or "PATH (default)": for messages about a setting.
    [[nodiscard]] std::string where(std::string_view path) const;

    // A scalar below plugins., of which the host knows nothing: "plugins.qemu.user".
    [[nodiscard]] std::optional<std::string> plugin_value(std::string_view path) const;

    // Whether the two say the same about a setting; which ones they differ in.
    [[nodiscard]] bool same(const Config& other, std::string_view path) const;
    [[nodiscard]] std::vector<std::string> changed(const Config& since) const; // plugins.* too

    // What an administrator should know of the files though nothing is wrong: "FILE:LINE:COLUMN: ...".
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

    // All settings as YAML that load() reads, each with its line of documentation and its origin.
    [[nodiscard]] std::string print() const;

  private:
    friend class ConfigReader;
    struct Entry {
        const Setting* setting = nullptr;
        Value value;
        Origin origin;
    };
    struct PluginValue {
        std::string value;
        Origin origin;
    };
    [[nodiscard]] const Entry& entry(std::string_view path) const;
    [[nodiscard]] const Entry& entry(std::string_view path, Kind kind) const;

    std::map<std::string, Entry, std::less<>> entries_; // every setting
    std::map<std::string, PluginValue, std::less<>> plugins_;
    std::vector<std::string> notes_;
};

struct Config::Loaded {
    Config config;                     // what is right of it
    std::vector<std::string> problems; // "FILE:LINE:COLUMN: ..."; empty: nothing is wrong
    std::vector<std::string> files;    // that were read
};

} // namespace polyvirt::daemon
