// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/dispatcher.h"

#include "host/dispatch/errors.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/wire_call.h"
#include "host/protocol/gen/programs.h"
#include "host/rpc/client.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

// The admin program answers on the admin socket, the others on all the rest.
bool served(const rpc::Client& client, std::uint32_t program, std::uint32_t version) {
    if (version != 1) return false;
    if (client.identity().admin) return program == protocol::admin::kProgram;
    return program == protocol::remote::kProgram || program == protocol::qemu::kProgram ||
           program == protocol::lxc::kProgram;
}

} // namespace

Dispatcher::Dispatcher(DispatcherOptions options)
    : options_(std::move(options)), call_log_(options_.call_log) {}

std::shared_ptr<rpc::Session> Dispatcher::client_arrived(rpc::Client& client) {
    return std::make_shared<Session>(client);
}

bool Dispatcher::is_priority(const rpc::Header& header) {
    const protocol::ProcInfo* proc = protocol::find_proc(header.prog, header.proc);
    return proc != nullptr && proc->priority == protocol::Priority::high;
}

void Dispatcher::handle_call(std::shared_ptr<rpc::Client> client, rpc::Message message) {
    const rpc::Header header = message.header;
    const auto refuse = [&](const Error& error) { client->reply(rpc::error_reply(header, error)); };

    if (header.status != protocol::msg_status_ok) return refuse(bad_status(header.status));
    if (!served(*client, header.prog, header.vers)) return refuse(unknown_program(header.prog, header.vers));
    const protocol::ProcInfo* proc = protocol::find_proc(header.prog, header.proc);
    if (proc == nullptr || proc->role != protocol::Role::call) return refuse(unknown_procedure(header.proc));
    if (!proc->before_auth && !client->authenticated()) return refuse(authentication_required());

    auto session = std::static_pointer_cast<Session>(client->session());
    auto call = std::make_shared<WireCall>(*this, client, session, std::move(message), *proc);
    const HostFn function = find_answer(header.prog, header.proc);
    const Glue* glue = function == nullptr ? find_glue(header.prog, header.proc) : nullptr;
    const bool needs_open = !proc->before_open && !client->identity().admin;
    if (needs_open && call->instance == nullptr) return call->fail(not_open(*proc));
    if (proc->readonly_denied && session->readonly()) return call->fail(readonly_denied(*proc));
    if (function != nullptr) return call->answer(function);
    if (glue == nullptr || !call->instance->implements(glue->op)) return call->fail(no_support(*proc));
    call->enter(*glue);
}

void Dispatcher::client_closed(rpc::Client& client) {
    std::static_pointer_cast<Session>(client.session())->cancel_all();
}

void Dispatcher::client_gone(std::shared_ptr<rpc::Client> client) {
    std::static_pointer_cast<Session>(client->session())->close();
    plugins_->client_gone(client->id());
    plugins_->events().run([this, client = std::move(client)] { hub_.remove_client(*client); });
}

} // namespace polyvirt::dispatch
