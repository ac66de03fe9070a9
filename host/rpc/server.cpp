// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/server.h"

#include <future>

#include "base/error_text.h"
#include "base/log.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {
namespace {

constexpr auto kLastWait = std::chrono::seconds(10);

// Runs `f` on the loop's thread and waits for it; here, if the loop is gone.
template <typename F> void run_on_loop(loop::EventLoop& loop, F f) {
    if (loop.on_thread())
        return f();
    auto done = std::make_shared<std::promise<bool>>();
    auto result = done->get_future();
    if (loop.post([f, done] {
            f();
            done->set_value(true);
        })) {
        done.reset(); // the loop's copy is the last: a loop that ends unrun breaks the promise
        result.wait();
        try {
            if (result.get())
                return;
        } catch (const std::future_error&) { // NOLINT(bugprone-empty-catch)
        }
    }
    f();
}

} // namespace

Server::Server(std::string name, loop::EventLoop& loop, work::WorkerPool& pool, Handler& handler,
               const Limits& limits)
    : shared_(std::make_shared<ServerShared>(std::move(name), loop, pool, handler, limits)) {}

Server::~Server() {
    stop_accepting();
    if (!close_clients("the server ends", kLastWait)) {
        shared_->run_goodbyes_here();
        std::size_t left = 0;
        {
            ServerLock lock(shared_->mu);
            left = shared_->clients.size() + shared_->goodbyes_due;
        }
        if (left != 0)
            log::error("rpc", "server '{}': ends while calls of {} clients still run", name(),
                       left);
    }
    run_on_loop(shared_->loop, [shared = shared_] { shared->housekeeper.remove(); });
}

const std::string& Server::name() const {
    return shared_->name;
}

Status Server::add_listener(ListenerConfig config) {
    PV_ASSIGN_OR_RETURN(Listener listener, Listener::open(std::move(config)));
    shared_->add_door(std::move(listener));
    return {};
}

Result<std::vector<std::string>> Server::add_tcp_listeners(const TcpListenerConfig& config) {
    PV_ASSIGN_OR_RETURN(std::vector<Listener> listeners, Listener::open_tcp(config));
    std::vector<std::string> addresses;
    for (Listener& listener : listeners) {
        addresses.push_back(listener.config().path);
        log::info("rpc", "server '{}': listening on {} ({})", name(), addresses.back(),
                  config.tls ? "TLS" : "TCP");
        shared_->add_door(std::move(listener));
    }
    if (config.tls) {
        ServerLock lock(shared_->mu);
        shared_->tls_contexts.push_back(config.tls);
    }
    return addresses;
}

Status Server::reload_tls() const {
    std::vector<std::shared_ptr<TlsContext>> contexts;
    {
        ServerLock lock(shared_->mu);
        contexts = shared_->tls_contexts;
    }
    if (contexts.empty()) // in the peer's words
        return make_error(ErrorCode::internal_error, ErrorDomain::rpc,
                          "no tls service found, unable to update tls files");
    for (const auto& context : contexts)
        PV_TRY(context->reload());
    log::info("rpc", "server '{}': TLS files read anew", name());
    return {};
}

Status Server::adopt_listener(UniqueFd fd, ListenerConfig config) {
    PV_ASSIGN_OR_RETURN(Listener listener, Listener::adopt(std::move(fd), std::move(config)));
    shared_->add_door(std::move(listener));
    return {};
}

void Server::start_serving() {
    run_on_loop(shared_->loop, [shared = shared_] { shared->watch_doors(); });
}

std::shared_ptr<Client> Server::add_client(UniqueFd fd, Identity identity, bool authenticated) {
    auto client = shared_->admit(std::move(fd), std::move(identity),
                                 authenticated ? AuthMethod::none : AuthMethod::sasl);
    if (client)
        run_on_loop(shared_->loop, [shared = shared_, client] { shared->arrived(client); });
    return client;
}

void Server::stop_accepting() {
    shared_->stopping.store(true);
    run_on_loop(shared_->loop, [shared = shared_] { shared->close_doors(); });
}

bool Server::drain(std::chrono::milliseconds deadline) {
    const auto until = loop::Clock::now() + deadline;
    ServerShared& s = *shared_;
    s.waited_for.store(true);
    ServerLock lock(s.mu);
    for (;;) {
        bool idle = true;
        for (const auto& [id, client] : s.clients)
            idle = idle && client->is_idle();
        if (idle)
            return true;
        if (!s.changed.wait_until(lock, until))
            return false;
    }
}

bool Server::close_clients(std::string_view reason, std::chrono::milliseconds deadline) {
    const auto until = loop::Clock::now() + deadline;
    ServerShared& s = *shared_;
    s.waited_for.store(true);
    for (const auto& client : clients())
        client->close(reason);
    ServerLock lock(s.mu);
    while (!s.clients.empty() || s.goodbyes_due != 0)
        if (!s.changed.wait_until(lock, until))
            return false;
    return true;
}

Limits Server::limits() const {
    ServerLock lock(shared_->mu);
    return shared_->limits_;
}

void Server::set_limits(const Limits& limits) {
    {
        ServerLock lock(shared_->mu);
        shared_->limits_ = limits;
    }
    shared_->input->set_limit(limits.max_input_bytes);
    for (const auto& client : clients())
        client->set_limits(limits);
}

std::vector<std::shared_ptr<Client>> Server::clients() const {
    std::vector<std::shared_ptr<Client>> all;
    ServerLock lock(shared_->mu);
    all.reserve(shared_->clients.size());
    for (const auto& [id, client] : shared_->clients)
        all.push_back(client);
    return all;
}

std::shared_ptr<Client> Server::find_client(Client::Id id) const {
    ServerLock lock(shared_->mu);
    const auto it = shared_->clients.find(id);
    return it == shared_->clients.end() ? nullptr : it->second;
}

work::WorkerPool& Server::pool() const {
    return shared_->pool;
}

loop::EventLoop& Server::loop() const {
    return shared_->loop;
}

Server::Stats Server::stats() const {
    ServerLock lock(shared_->mu);
    return {.clients = static_cast<unsigned>(shared_->clients.size()),
            .anonymous = static_cast<unsigned>(shared_->anonymous.size()),
            .accepted = shared_->counts.accepted,
            .turned_away = shared_->counts.turned_away,
            .input_bytes = shared_->input->used(),
            .received_bytes = shared_->received_bytes.load(),
            .sent_bytes = shared_->sent_bytes.load(),
            .cut_off = shared_->cut_off.load()};
}

} // namespace polyvirt::rpc
