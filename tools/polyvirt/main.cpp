// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt: looks at, and cares for, a running polyvirtd through its admin socket.

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/polyvirt/tool.h"

int main(int argc, char** argv) {
    using namespace polyvirt::tools;
    CLI::App app{"polyvirt: looks at, and cares for, a running polyvirtd"};
    app.set_version_flag("--version", "polyvirt " POLYVIRT_VERSION);
    app.require_subcommand(1);
    Tool tool;
    tool.add_options(app);
    for (const auto add : {&add_status, &add_clients, &add_top, &add_why, &add_jobs, &add_policy, &add_plugin, &add_call})
        add(app, tool);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e);
    }
    return tool.run();
}
