// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/options.h"

#include <CLI/CLI.hpp>

namespace polyvirt::daemon {

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
    Options options;
    CLI::App app{"polyvirtd: virtualization daemon that hosts its drivers as plugins"};
    app.add_option("--root", options.root, "Keep all files under this folder");
    app.add_option("--config", options.config, "Configuration file, YAML or, named *.conf, in libvirtd.conf's format (default: polyvirtd.yaml)");
    app.add_option("--plugins", options.plugins, "Folders of plugins, instead of those of the configuration")
        ->delimiter(':');
    app.add_flag("--safe-mode", options.safe_mode, "Load no plugin; 'polyvirt plugin enable NAME' does");
    app.add_option("--only", options.only, "Safe mode, but with these plugins (NAME,NAME,...)")->delimiter(',');
    app.add_flag("-v,--verbose", options.verbose, "Log everything");
    app.add_flag("--print-procedures", options.print_procedures,
                 "Print each procedure of the wire and whether this daemon has it, then exit");
    app.add_flag("--check-config", options.check_config,
                 "Read the configuration, say all that is wrong with it, then exit (0: nothing)");
    app.add_flag("--print-config", options.print_config,
                 "Print every setting with its value and where that comes from, then exit");
    app.set_version_flag("--version", "polyvirtd " POLYVIRT_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        exit_code = app.exit(e);
        return std::nullopt;
    }
    return options;
}

} // namespace polyvirt::daemon
