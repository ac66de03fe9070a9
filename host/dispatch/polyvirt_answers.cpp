// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The program of the `polyvirt` tool: one procedure, which runs a command of the tables in commands.h.

#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "host/dispatch/commands.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/protocol/gen/polyvirt.h"

namespace polyvirt::dispatch {
namespace {

using nlohmann::json;
namespace wire = protocol::polyvirt;

constexpr int kMaxDepth = 32;

Result<json> parse(std::string_view text) {
    if (text.empty()) return json::object();
    bool too_deep = false;
    json parsed = json::parse(
        text,
        [&](int depth, json::parse_event_t, json&) {
            too_deep = too_deep || depth > kMaxDepth;
            return !too_deep;
        },
        false);
    if (too_deep)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::admin, "arguments: nested deeper than {} levels",
                          kMaxDepth);
    if (!parsed.is_object())
        return make_error(ErrorCode::invalid_arg, ErrorDomain::admin, "arguments: found {}, expected a JSON object",
                          parsed.is_discarded() ? "no JSON" : parsed.type_name());
    return parsed;
}

// The answer as text; whatever goes wrong is an error.
Result<std::string> run(const Command& command, WireCall& call, const json& arguments) {
    try {
        PV_ASSIGN_OR_RETURN(const json answer, command.run(call, arguments));
        // Names of guests and clients may be any bytes; JSON is UTF-8.
        return answer.dump(-1, ' ', false, json::error_handler_t::replace);
    } catch (const json::exception& e) {
        return make_error(ErrorCode::internal_error, ErrorDomain::admin, "command '{}': {}", command.name, e.what());
    }
}

Status run_slowly(const Command& command, WireCall& call, json arguments) {
    call.defer();
    const auto self = std::static_pointer_cast<WireCall>(call.shared_from_this());
    const bool taken = call.dispatcher().admin_hooks().run_slowly([self, &command, arguments = std::move(arguments)] {
        Result<std::string> answer = run(command, *self, arguments);
        if (!answer) return self->fail(std::move(answer).error());
        self->reply_later([&](protocol::Encoder& encoder) -> Status {
            wire::command_ret ret{};
            ret.answer = self->keep(*answer);
            encode(encoder, ret);
            return {};
        });
    });
    if (taken) return {};
    return make_error(ErrorCode::operation_invalid, ErrorDomain::admin, "the daemon is stopping");
}

Status command(WireCall& call, const wire::command_args& args, wire::command_ret& ret) {
    const Command* found = find_command(args.name.view());
    if (found == nullptr)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::admin, "unknown command '{}'; 'commands' lists them",
                          args.name.view());
    PV_ASSIGN_OR_RETURN(json arguments, parse(args.arguments.view()));
    if (found->slow) return run_slowly(*found, call, std::move(arguments));
    PV_ASSIGN_OR_RETURN(const std::string answer, run(*found, call, arguments));
    ret.answer = call.keep(answer);
    return {};
}

constexpr HostAnswer kPolyvirtAnswers[] = {
    {wire::kProgram, static_cast<std::int32_t>(wire::Proc::command),
     &typed<wire::command_args, wire::command_ret, &command>},
};

} // namespace

std::span<const HostAnswer> polyvirt_answers() { return kPolyvirtAnswers; }

} // namespace polyvirt::dispatch
