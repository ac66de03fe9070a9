// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// policy test: what the policy that is enforced just now says.

#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "host/access/explain.h"
#include "host/dispatch/commands.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/wire_call.h"

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;

Result<access::Subject> subject_of(const json& arguments) {
    access::Subject subject;
    PV_ASSIGN_OR_RETURN(const auto uid, argument::optional_number(arguments, "uid"));
    PV_ASSIGN_OR_RETURN(const auto gid, argument::optional_number(arguments, "gid"));
    PV_ASSIGN_OR_RETURN(const auto sasl, argument::optional_text(arguments, "sasl"));
    PV_ASSIGN_OR_RETURN(const auto x509, argument::optional_text(arguments, "x509"));
    PV_ASSIGN_OR_RETURN(const auto mode, argument::optional_text(arguments, "mode"));
    PV_ASSIGN_OR_RETURN(const auto transport, argument::optional_text(arguments, "transport"));
    if (uid) subject.uid = static_cast<std::uint32_t>(*uid);
    if (gid) subject.gid = static_cast<std::uint32_t>(*gid);
    if (const auto groups = arguments.find("groups"); groups != arguments.end())
        subject.groups = groups->get<std::vector<std::uint32_t>>();
    subject.sasl_user = sasl.value_or("");
    subject.x509_dname = x509.value_or("");
    subject.readonly = mode.value_or("") == "readonly";
    subject.transport = transport.value_or("") == "tcp"   ? access::Transport::tcp
                        : transport.value_or("") == "tls" ? access::Transport::tls
                                                          : access::Transport::unix_socket;
    return subject;
}

Result<json> policy_test(WireCall& call, const json& arguments) {
    PV_TRY(argument::only(arguments, {"uid", "gid", "groups", "sasl", "x509", "mode", "transport", "permission", "object",
                                      "uuid", "parent"}));
    PV_ASSIGN_OR_RETURN(const access::Subject subject, subject_of(arguments));
    PV_ASSIGN_OR_RETURN(const std::string permission, argument::text(arguments, "permission"));
    PV_ASSIGN_OR_RETURN(const auto object, argument::optional_text(arguments, "object"));
    PV_ASSIGN_OR_RETURN(const auto uuid, argument::optional_text(arguments, "uuid"));
    PV_ASSIGN_OR_RETURN(const auto parent, argument::optional_text(arguments, "parent"));
    const auto enforced = call.dispatcher().access().current();
    if (enforced == nullptr) return json{{"allowed", true}, {"why", "no policy is enforced"}};
    if (enforced->policy == nullptr)
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::access,
                          "polkit decides, and it can only be asked about processes");
    PV_ASSIGN_OR_RETURN(const access::Explanation told,
                        access::explain(enforced->policy, subject, permission,
                                        {object.value_or(""), uuid.value_or(""), parent.value_or("")}));
    return json{{"allowed", told.allowed}, {"why", told.why}};
}

constexpr Command kPolicyCommands[] = {
    {"policy test", "Whether somebody would be allowed to do something, and by which rule", &policy_test}};

} // namespace

std::span<const Command> policy_commands() { return kPolicyCommands; }

} // namespace polyvirt::dispatch
