// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/polyvirt/tool.h"

#include <cstdio>

#include <CLI/Validators.hpp>
#include <fmt/core.h>

namespace polyvirt::tools {

void Tool::add_options(CLI::App& app) {
    app.add_option("--root", root_, "Folder that the daemon was started with as --root");
    app.add_option("--socket", socket_, "The daemon's admin socket (default: by --root and by user)");
    app.add_option("-o,--output", output_, "text or json")->check(CLI::IsMember({"text", "json"}));
    app.add_option("--timeout", timeout_s_, "Seconds to wait for an answer")->check(CLI::Range(1U, 3600U));
}

CLI::App* Tool::command(CLI::App& parent, const std::string& name, const std::string& help,
                        std::function<Status()> act) {
    CLI::App* added = parent.add_subcommand(name, help);
    added->fallthrough(); // -o and --socket may stand behind the subcommand too
    added->callback([this, act = std::move(act)] { chosen_ = act; });
    return added;
}

Result<json> Tool::call(const std::string& command, const json& arguments) {
    if (!daemon_) {
        const std::string path = socket_.empty() ? default_admin_socket(root_) : socket_;
        PV_ASSIGN_OR_RETURN(daemon_, Connection::open(path, std::chrono::seconds(timeout_s_)));
    }
    return daemon_->call(command, arguments);
}

Status Tool::show(const Result<json>& answer, const std::function<void(const json&)>& as_text) {
    if (!answer) return answer.error();
    if (as_json())
        fmt::print("{}\n", answer->dump(2));
    else
        as_text(*answer);
    return {};
}

int Tool::run() {
    Status done;
    try {
        done = chosen_();
    } catch (const json::exception& e) { // an answer without the fields that this program knows
        done = Error{.message = std::string("the answer of the daemon is not what was expected: ") + e.what()};
    }
    if (done) return 0;
    fmt::print(stderr, "polyvirt: {}\n", done.error().message);
    return 1;
}

} // namespace polyvirt::tools
