// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/client.h"

#include <ctime>

#include <sys/socket.h>

#include "base/log.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {

Client::Client(std::shared_ptr<ServerShared> server, Id id, UniqueFd fd, Identity identity,
               AuthMethod auth, std::unique_ptr<TlsSession> tls, const Limits& limits)
    : server_(std::move(server)), id_(id), connected_at_(std::time(nullptr)), auth_(auth),
      local_(identity.transport == Transport::unix_socket),
      admin_(identity.admin), listener_(identity.listener), peer_(identity.peer()), readonly_(identity.readonly),
      authenticated_(auth == AuthMethod::none && tls == nullptr),
      fd_(std::move(fd)), identity_(std::move(identity)), limits_(limits), reader_(server_->input) {
    ClientLock lock(mu_);
    loop_fd_ = fd_.get();
    if (tls == nullptr)
        return;
    layer_.handshake = tls.get();
    layer_.layer = std::move(tls);
    layer_.out = std::make_unique<LayerOutput>(*layer_.layer);
    layer_.reading.store(layer_.layer.get(), std::memory_order_release);
    through_ = layer_.out.get();
    handshaking_ = true;
}

Client::~Client() = default;

const std::string& Client::server_name() const {
    return server_->name;
}

Identity Client::identity() const {
    ClientLock lock(mu_);
    Identity copy = identity_;
    copy.readonly = readonly();
    return copy;
}

void Client::set_authenticated(std::string sasl_user, std::string x509_dname,
                               unsigned secret_bits) {
    {
        ClientLock lock(mu_);
        if (!sasl_user.empty())
            identity_.sasl_user = std::move(sasl_user);
        if (!x509_dname.empty())
            identity_.x509_dname = std::move(x509_dname);
        if (secret_bits != 0)
            identity_.secret_bits = secret_bits;
    }
    server_->handler.client_authenticated(*this);
    if (!authenticated_.exchange(true, std::memory_order_acq_rel))
        server_->authenticated(id_);
}

void Client::start(std::shared_ptr<Session> session) {
    session_ = std::move(session);
    if (is_closed())
        return; // its teardown is already on the way
    watched_ = loop::kReadable;
    watch_ = server_->loop.add_socket(
        loop_fd_, watched_, [self = shared_from_this()](unsigned what) { self->on_ready(what); });
    update();
}

void Client::close(std::string_view reason) {
    end(log::Level::info, reason);
}

void Client::end(log::Level level, std::string_view reason) {
    {
        ClientLock lock(mu_);
        if (closed_.load(std::memory_order_relaxed))
            return;
        closed_.store(true, std::memory_order_release);
        // The descriptor itself stays until nobody is inside a system call with it. On rpc-loop, with no writer,
        // that is as soon as this callback returns, and closing it does the rest.
        if (fd_ && (writing_ || !server_->loop.on_thread()))
            ::shutdown(fd_.get(), SHUT_RDWR);
    }
    log::line(level, "rpc", "server '{}', client {}: connection closed: {}", server_->name, id_,
              reason);
    post_update();
    server_->progress();
}

void Client::close_after_flush() {
    leaving_.store(true, std::memory_order_release);
    bool now = false;
    {
        ClientLock lock(mu_);
        flush_and_close_ = true;
        now = all_sent();
    }
    if (now)
        end(log::Level::debug, "the client said goodbye");
}

void Client::enable_keepalive() {
    {
        ClientLock lock(mu_);
        if (keepalive_wanted_)
            return;
        keepalive_wanted_ = true;
    }
    post_update();
}

void Client::set_limits(const Limits& limits) {
    {
        ClientLock lock(mu_);
        limits_ = limits;
        limits_changed_ = true;
    }
    start_waiting_calls();
    post_update();
}

Client::Stats Client::stats() const {
    ClientLock lock(mu_);
    return {.in_flight = calls_.running(),
            .queued = static_cast<unsigned>(calls_.waiting()),
            .streams = static_cast<unsigned>(streams_.size()),
            .queued_bytes = calls_.waiting_bytes(),
            .unsent_bytes = out_.bytes(),
            .calls = calls_.admitted()};
}

std::vector<CallInFlight> Client::calls() const {
    std::vector<CallInFlight> all;
    ClientLock lock(mu_);
    calls_.look(all);
    return all;
}

bool Client::is_idle() const {
    ClientLock lock(mu_);
    return closed_.load(std::memory_order_relaxed) ||
           (calls_.running() == 0 && calls_.waiting() == 0 && all_sent());
}

void Client::post_update() {
    if (update_posted_.exchange(true))
        return;
    if (server_->loop.post([self = shared_from_this()] { self->update(); }))
        return;
    // The loop has ended: nothing is left to do but to go.
    update_posted_.store(false);
    if (is_closed())
        teardown();
}

// Brings what rpc-loop alone may touch in line with what other threads asked for.
void Client::update() {
    update_posted_.store(false);
    if (is_closed())
        return teardown();
    bool start_keepalive = false;
    {
        ClientLock lock(mu_);
        if (std::exchange(limits_changed_, false)) {
            max_anonymous_packet_ = limits_.max_anonymous_packet;
            keepalive_.configure(limits_.keepalive_interval, limits_.keepalive_count);
        }
        start_keepalive = keepalive_wanted_ && !keepalive_.started();
    }
    if (start_keepalive)
        keepalive_.start(loop::Clock::now());
    update_upload_pause();
    update_watch();
    notify_writable();
    start_waiting_calls();
    arm_ticker();
}

void Client::update_watch() {
    unsigned wanted = reading_paused_ || layer_.computing ? 0U : unsigned{loop::kReadable};
    {
        ClientLock lock(mu_);
        if (blocked_)
            wanted |= loop::kWritable;
    }
    if (wanted == watched_ || !watch_)
        return;
    watched_ = wanted;
    watch_.set_events(wanted);
}

void Client::teardown() {
    UniqueFd fd;
    Chunks unsent;
    std::deque<std::shared_ptr<Message>> waiting;
    const auto self = shared_from_this();
    {
        ClientLock lock(mu_);
        if (std::exchange(tearing_down_, true))
            return;
        calls_.drop_waiting(waiting);
    }
    waiting.clear(); // what they hold of the budget is free before anybody hears of the end
    watch_.remove();
    ticker_.remove();
    reader_.reset();
    close_all_streams();
    server_->left(self);
    server_->handler.client_closed(*this);
    {
        ClientLock lock(mu_);
        torn_down_ = true;
        if (!writing_) { // otherwise the writer does this
            out_.clear(unsent);
            fd = std::move(fd_);
        }
    }
    say_goodbye_if_idle();
}

void Client::say_goodbye_if_idle() {
    {
        ClientLock lock(mu_);
        if (!torn_down_ || goodbye_said_ || calls_.running() != 0)
            return;
        goodbye_said_ = true;
    }
    server_->goodbye(shared_from_this());
}

} // namespace polyvirt::rpc
