// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/dispatcher.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "host/dispatch/errors.h"
#include "host/dispatch/host_table.h"
#include "host/dispatch/quick.h"
#include "host/dispatch/wire_call.h"
#include "host/logging/call_scope.h"
#include "host/protocol/gen/admin.h"
#include "host/protocol/gen/lxc.h"
#include "host/protocol/gen/polyvirt.h"
#include "host/protocol/gen/qemu.h"
#include "host/protocol/gen/remote.h"
#include "host/rpc/client.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/sasl.h"
#include "host/rpc/server.h"

namespace polyvirt::dispatch {
namespace {

namespace remote = protocol::remote;

// Lives as long as the client, which made it its own in client_arrived().
std::shared_ptr<Session> session_of(rpc::Client& client) {
    return static_cast<Session*>(client.session())->shared_from_this();
}

// The programs of the daemon's owner answer on the admin socket, the others on all the rest.
bool served(const rpc::Client& client, std::uint32_t program, std::uint32_t version) {
    if (version != 1) return false;
    if (client.is_admin())
        return program == protocol::admin::kProgram || program == protocol::polyvirt::kProgram;
    return program == protocol::remote::kProgram || program == protocol::qemu::kProgram ||
           program == protocol::lxc::kProgram;
}

bool is_open(const protocol::ProcInfo& proc) {
    return proc.program == remote::kProgram && proc.id == static_cast<std::int32_t>(remote::Proc::connect_open);
}

bool is_sasl(const protocol::ProcInfo& proc) {
    if (proc.program != protocol::remote::kProgram) return false;
    const auto id = static_cast<remote::Proc>(proc.id);
    return id == remote::Proc::auth_sasl_init || id == remote::Proc::auth_sasl_start ||
           id == remote::Proc::auth_sasl_step;
}

} // namespace

Dispatcher::Dispatcher(DispatcherOptions options)
    : options_(std::move(options)), call_log_(options_.call_log) {}

void Dispatcher::set_plugins(plugin::PluginManager& plugins) {
    plugins_ = &plugins;
    hub_.set_runner([&plugins](std::function<void()> f) { plugins.events().run(std::move(f)); });
}

void Dispatcher::set_polkit(std::shared_ptr<access::Authority> polkit, PolkitLogin login) {
    polkit_ = std::move(polkit);
    polkit_login_ = login;
}

std::shared_ptr<rpc::Session> Dispatcher::client_arrived(rpc::Client& client) {
    return std::make_shared<Session>(client);
}

void Dispatcher::client_authenticated(rpc::Client& client) {
    session_of(client)->identified(client);
}

// The tables' word is not enough: what may block in a driver, or as SASL does wait for files and key servers, would
// take the priority workers away from those that never do.
bool Dispatcher::is_priority(const rpc::Header& header) {
    // None of admin's calls waits, so they are answered when every ordinary worker is stuck.
    if (header.prog == protocol::admin::kProgram) return true;
    if (access_.asks()) return false; // any call may wait for polkit
    const protocol::ProcInfo* proc = protocol::find_proc(header.prog, header.proc);
    if (proc == nullptr || proc->priority != protocol::Priority::high || is_sasl(*proc)) return false;
    const Glue* glue = find_glue(header.prog, header.proc);
    return glue == nullptr || !plugin::op_may_block(glue->op);
}

// Null: a driver has to be asked, or the message says what open() will not like.
std::shared_ptr<plugin::Instance> Dispatcher::open_known(const rpc::Client& client, rpc::Message& message) {
    // A copy, as decoding works in place and may happen again.
    std::array<std::uint8_t, plugin::PluginManager::kLongestKnownUri + 64> copy;
    const auto payload = message.payload();
    if (payload.size() > copy.size()) return nullptr;
    std::copy(payload.begin(), payload.end(), copy.begin());
    protocol::Arena arena;
    protocol::Decoder decoder({copy.data(), payload.size()}, arena);
    remote::connect_open_args args{};
    if (!decode(decoder, args) || !args.name.present()) return nullptr;
    return plugins_->open_known(args.name.view(), client.id());
}

// Whatever is out of the ordinary is left to handle_call(), which says what is wrong.
bool Dispatcher::answer_quickly(const std::shared_ptr<rpc::Client>& client, rpc::Message& message) {
    const protocol::Header& header = message.header;
    const Quick* quick = find_quick(header.prog, header.proc);
    if (quick == nullptr || header.status != protocol::MsgStatus::ok || !served(*client, header.prog, header.vers))
        return false;
    const protocol::ProcInfo& proc = *quick->proc;
    // Permissions are decided on workers.
    if (access_.generation() != 0 && !proc.acl.empty()) return false;
    if (proc.readonly_denied || (!proc.before_auth && !client->authenticated())) return false;
    auto session = session_of(*client);
    const auto instance = session->instance();
    const bool needs_open = !proc.before_open && proc.before_open_when.test == protocol::Test::none;
    if (needs_open && instance == nullptr) return false;
    if (quick->glue != nullptr && instance != nullptr &&
        (quick->glue->kind != PV_KIND_NONE || instance->implements(quick->glue->op)))
        return false;
    std::shared_ptr<plugin::Instance> opened;
    if (is_open(proc) && (instance != nullptr || (opened = open_known(*client, message)) == nullptr)) return false;
    const auto call = std::make_shared<WireCall>(*this, client, std::move(session), std::move(message), proc);
    if (opened != nullptr) call->instance = std::move(opened);
    call->answer(quick->function);
    return true;
}

void Dispatcher::handle_call(std::shared_ptr<rpc::Client> client, rpc::Message message) {
    const rpc::Header header = message.header;
    const auto refuse = [&](const Error& error) {
        call_stats_.add_refused(error);
        client->reply(rpc::error_reply(header, error));
    };

    if (header.status != protocol::MsgStatus::ok) return refuse(bad_status(static_cast<std::int32_t>(header.status)));
    if (!served(*client, header.prog, header.vers)) return refuse(unknown_program(header.prog, header.vers));
    const protocol::ProcInfo* proc = protocol::find_proc(header.prog, header.proc);
    if (proc == nullptr || proc->role != protocol::Role::call) return refuse(unknown_procedure(header.proc));
    const logging::CallScope scope(call_tag(*client, header, *proc));
    if (!proc->before_auth && !client->authenticated()) return refuse(authentication_required());

    auto session = session_of(*client);
    auto call = std::make_shared<WireCall>(*this, client, session, std::move(message), *proc);
    call->show();
    // What works before open under a condition looks at it itself.
    const bool needs_open = !proc->before_open && !client->is_admin() &&
                            proc->before_open_when.test == protocol::Test::none;
    if (needs_open && call->instance == nullptr) return call->fail(not_open(*proc));
    if (proc->readonly_denied && session->readonly()) return call->fail(readonly_denied(*proc));
    if (Status allowed = call->access().check_early(); !allowed) return call->fail(std::move(allowed).error());
    // A driver may answer for itself what the host would otherwise.
    const Glue* glue = find_glue(header.prog, header.proc);
    if (glue != nullptr && call->instance != nullptr) {
        auto driver = glue->kind == PV_KIND_NONE ? call->instance
                                                 : plugins_->provider(call->instance, glue->kind);
        if (driver != nullptr && driver->implements(glue->op)) {
            call->instance = std::move(driver);
            return call->enter(*glue);
        }
        if (const DefaultFn function = find_default(glue->op)) return call->answer_for_driver(*glue, function);
    }
    if (const HostFn function = find_answer(header.prog, header.proc)) return call->answer(function);
    call->fail_unsupported(glue);
}

void Dispatcher::answered(const protocol::ProcInfo& proc, const Error* error, std::int64_t arrived_ns) {
    call_log_.add(proc, error);
    const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(loop::Clock::now().time_since_epoch());
    call_stats_.add(proc, error, now.count() - arrived_ns);
}

void Dispatcher::client_closed(rpc::Client& client) {
    session_of(client)->cancel_all();
}

void Dispatcher::client_gone(std::shared_ptr<rpc::Client> client) {
    session_of(*client)->close();
    if (!client->is_admin()) plugins_->client_gone(client->id()); // each server has numbers of its own
    let_go(client);
}

bool Dispatcher::client_gone_quickly(const std::shared_ptr<rpc::Client>& client) {
    const auto session = session_of(*client);
    // An instance that has ended may have nobody left but this client.
    if (const auto instance = session->instance();
        instance != nullptr && instance->state() != plugin::InstanceState::started)
        return false;
    if (!client->is_admin() && !plugins_->client_gone_unheard(client->id())) return false;
    session->close();
    let_go(client);
    return true;
}

// Its last call has ended, so its last registration has been made.
void Dispatcher::let_go(const std::shared_ptr<rpc::Client>& client) {
    if (!session_of(*client)->subscribed()) return;
    plugins_->events().run([this, client] { hub_.remove_client(*client); });
}

bool is_implemented(const protocol::ProcInfo& proc,
                    const std::vector<std::shared_ptr<plugin::Instance>>& instances) {
    const Glue* glue = find_glue(proc.program, proc.id);
    const auto has_op = [&](const auto& instance) { return instance->implements(glue->op); };
    if (glue != nullptr && std::any_of(instances.begin(), instances.end(), has_op)) return true;
    if (glue != nullptr && find_default(glue->op) != nullptr) return true;
    return find_answer(proc.program, proc.id) != nullptr;
}

} // namespace polyvirt::dispatch
