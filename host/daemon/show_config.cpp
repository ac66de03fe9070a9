// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/show_config.h"

#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

namespace polyvirt::daemon {

ConfigFiles config_files(const Options& options, const Paths& paths) {
    if (!options.config.empty()) return {.file = options.config, .must_exist = true};
    return {.file = paths.config_file(), .instead = paths.libvirtd_conf()};
}

int show_config(const Options& options) {
    const Result<Paths> paths = find_paths(options.root, geteuid() == 0);
    if (!paths) {
        fmt::print(stderr, "{}\n", paths.error().message);
        return 1;
    }
    const ConfigFiles files = config_files(options, *paths);
    const Config::Loaded loaded = Config::load(files);
    for (const std::string& note : loaded.config.notes()) fmt::print(stderr, "{}\n", note);
    for (const std::string& problem : loaded.problems) fmt::print(stderr, "{}\n", problem);
    if (!loaded.problems.empty()) return 1;
    if (options.print_config) fmt::print("{}", loaded.config.print());
    if (options.check_config && loaded.files.empty())
        fmt::print(stderr, "{}: there is no such file; every setting has its default\n", files.file);
    return std::fflush(stdout) == 0 ? 0 : 1;
}

} // namespace polyvirt::daemon
