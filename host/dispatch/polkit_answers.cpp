// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// auth_polkit: polkit decides whether a process of this host may connect. Answered from polkit's thread; no
// worker waits for the user that it may ask.

#include "base/error_text.h"
#include "base/log.h"
#include "host/access/polkit_actions.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/host_table.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;

// What the client is told: the peer's codes and, for those that people search for, its words.
Error refusal(access::Answer answer, const std::string& action) {
    const ErrorCode code = answer == access::Answer::no_agent    ? ErrorCode::auth_unavailable
                           : answer == access::Answer::dismissed ? ErrorCode::auth_cancelled
                                                                 : ErrorCode::auth_failed;
    return make_error(code, ErrorDomain::polkit, "{}{}", answer == access::Answer::no ? "access denied by policy: " : "",
                      access::refusal_of(answer, action));
}

void answer_login(const std::shared_ptr<WireCall>& call, const std::string& action, Result<access::Answer> answer) {
    rpc::Client& client = call->client();
    if (!answer || *answer != access::Answer::yes) {
        Error error = answer ? refusal(*answer, action) : std::move(answer).error();
        log::warning("auth", "client {} (uid {}): {}", client.id(), client.identity().uid, error.message);
        return call->fail(std::move(error));
    }
    client.set_authenticated({}, {});
    remote::auth_polkit_ret ret{};
    ret.complete = 1;
    call->reply_later([&](protocol::Encoder& e) -> Status {
        encode(e, ret);
        return {};
    });
}

Status auth_polkit(WireCall& call, const Nothing&, remote::auth_polkit_ret&) {
    const rpc::Identity id = call.client().identity();
    const auto& polkit = call.dispatcher().polkit();
    if (call.client().auth_method() != rpc::AuthMethod::polkit || call.client().authenticated() || polkit == nullptr)
        return make_error(ErrorCode::auth_failed, ErrorDomain::rpc, "authentication by polkit is not what this {}",
                          call.client().authenticated() ? "connection needs any more" : "socket asks for");
    const PolkitLogin& login = call.dispatcher().polkit_login();
    access::Question question;
    question.action = id.readonly ? access::kMonitorAction : access::kManageAction;
    question.uid = id.uid;
    question.pid = id.pid;
    question.start_time = rpc::process_start_time(id.pid);
    question.interactive = login.interactive;
    call.defer();
    polkit->ask(question, login.deadline,
                [self = std::static_pointer_cast<WireCall>(call.shared_from_this()),
                 action = question.action](Result<access::Answer> answer) {
                    answer_login(self, action, std::move(answer));
                });
    return {};
}

constexpr HostAnswer kPolkitAnswers[] = {{remote::kProgram, static_cast<std::int32_t>(remote::Proc::auth_polkit),
                                    &typed<Nothing, remote::auth_polkit_ret, &auth_polkit>}};

} // namespace

std::span<const HostAnswer> polkit_answers() { return kPolkitAnswers; }

} // namespace polyvirt::dispatch
