// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The command line of polyvirtd.

#include <optional>
#include <string>
#include <vector>

namespace polyvirt::daemon {

struct Options {
    std::string root;                 // empty: system or session folders
    std::string config;               // empty: polyvirtd.yaml, see config_files()
    std::vector<std::string> plugins; // folders; empty: loading.folders
    bool safe_mode = false;           // no plugin is loaded, but
    std::vector<std::string> only;    // these; not empty: safe mode
    bool verbose = false;
    bool print_procedures = false;
    bool check_config = false;
    bool print_config = false;
};

// Empty: the program ends with `exit_code` (help, version, or a wrong argument, already reported).
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

} // namespace polyvirt::daemon
