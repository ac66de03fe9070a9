// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt policy: checks a policy file, and tries out what a policy says.

#include <memory>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <fmt/core.h>

#include "base/error_text.h"
#include "host/access/explain.h"
#include "tools/polyvirt/tool.h"

namespace polyvirt::tools {
namespace {

struct PolicyWords {
    std::string file, who, permission, mode, transport;
    access::ExplainedObject object;
};

void tell(const std::vector<std::string>& lines, const char* what) {
    for (const std::string& line : lines) fmt::print(stderr, "{}: {}\n", what, line);
}

Result<std::shared_ptr<const access::Policy>> load(const std::string& file) {
    const access::Loaded loaded = access::load_policy(file);
    tell(loaded.warnings, "warning");
    tell(loaded.errors, "error");
    if (loaded.policy != nullptr) return loaded.policy;
    return make_error(ErrorCode::conf_syntax, ErrorDomain::access, "'{}' has {} mistakes", file, loaded.errors.size());
}

Status check(Tool& tool, const PolicyWords& words) {
    PV_ASSIGN_OR_RETURN(const auto policy, load(words.file));
    return tool.show(json{{"rules", policy->rules().size()}, {"default", policy->default_allow() ? "allow" : "deny"}},
                     [&](const json& answer) {
                         fmt::print("{}: {} rules, default {}\n", words.file, answer.at("rules").get<std::size_t>(),
                                    answer.at("default").get<std::string>());
                     });
}

json for_daemon(const access::Subject& subject, const PolicyWords& words) {
    json arguments{{"groups", subject.groups}, {"permission", words.permission}, {"object", words.object.object},
                   {"parent", words.object.parent}};
    if (subject.uid >= 0) arguments["uid"] = subject.uid;
    if (subject.gid >= 0) arguments["gid"] = subject.gid;
    if (!subject.sasl_user.empty()) arguments["sasl"] = subject.sasl_user;
    if (!subject.x509_dname.empty()) arguments["x509"] = subject.x509_dname;
    if (!words.object.uuid.empty()) arguments["uuid"] = words.object.uuid;
    arguments["mode"] = subject.readonly ? "readonly" : "readwrite";
    arguments["transport"] = subject.transport == access::Transport::unix_socket ? "unix"
                             : subject.transport == access::Transport::tcp       ? "tcp"
                                                                                 : "tls";
    return arguments;
}

Status test(Tool& tool, const PolicyWords& words) {
    PV_ASSIGN_OR_RETURN(access::Subject subject, access::describe_subject(words.who));
    subject.readonly = words.mode == "readonly";
    if (words.transport == "unix") subject.transport = access::Transport::unix_socket;
    if (words.transport == "tcp") subject.transport = access::Transport::tcp;
    if (words.transport == "tls") subject.transport = access::Transport::tls;
    const auto print = [](const json& answer) {
        fmt::print("{}: {}\n", answer.at("allowed").get<bool>() ? "allowed" : "denied",
                   answer.at("why").get<std::string>());
    };
    if (words.file.empty()) return tool.show(tool.call("policy test", for_daemon(subject, words)), print);
    PV_ASSIGN_OR_RETURN(const auto policy, load(words.file));
    PV_ASSIGN_OR_RETURN(const auto told, access::explain(policy, subject, words.permission, words.object));
    return tool.show(json{{"allowed", told.allowed}, {"why", told.why}}, print);
}

} // namespace

void add_policy(CLI::App& app, Tool& tool) {
    CLI::App* policy = app.add_subcommand("policy", "Who may do what");
    policy->require_subcommand(1);
    policy->fallthrough();
    const auto words = std::make_shared<PolicyWords>();
    CLI::App* checks = tool.command(*policy, "check", "Reads a policy file and tells its mistakes",
                                    [&tool, words] { return check(tool, *words); });
    checks->add_option("file", words->file, "The file")->required();
    CLI::App* tests = tool.command(*policy, "test", "What is decided for somebody, and by which rule",
                                   [&tool, words] { return test(tool, *words); });
    tests->add_option("who", words->who, "NAME or user:NAME, uid:NUMBER, sasl:NAME, x509:NAME")->required();
    tests->add_option("permission", words->permission, "domain.start")->required();
    tests->add_option("object", words->object.object, "Its name");
    tests->add_option("--uuid", words->object.uuid, "The object's uuid");
    tests->add_option("--parent", words->object.parent, "The volume's pool, the port's network");
    tests->add_option("--mode", words->mode, "Of the connection")->check(CLI::IsMember({"readonly", "readwrite"}));
    tests->add_option("--transport", words->transport, "Of the connection")->check(CLI::IsMember({"unix", "tcp", "tls"}));
    tests->add_option("--file", words->file, "Asks this file, not the daemon");
}

} // namespace polyvirt::tools
