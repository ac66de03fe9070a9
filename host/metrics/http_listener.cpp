// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/http_listener.h"

#include <cerrno>
#include <exception>
#include <unordered_map>
#include <utility>

#include <sys/socket.h>

#include "base/log.h"
#include "host/loop/event_loop.h"
#include "host/metrics/http_request.h"

namespace polyvirt::metrics {
namespace {

constexpr int kAcceptsPerRound = 16;
constexpr auto kPauseWithoutDescriptors = std::chrono::milliseconds(100);

} // namespace

// All on the loop's thread.
struct HttpListener::Connection {
    enum class Phase { reading, writing, draining };
    UniqueFd fd;
    Phase phase = Phase::reading;
    std::string in, out;
    std::size_t sent = 0;
    loop::Watch watch, timer;
};

struct HttpListener::State {
    State(UniqueFd s, Options o, Handler h) : socket(std::move(s)), options(o), handler(std::move(h)) {}

    void start() {
        pause = loop.add_timer([this] { accepting.set_events(loop::kReadable); });
        accepting = loop.add_fd(socket.get(), loop::kReadable, [this](unsigned) { accept_ready(); });
    }
    void accept_ready();
    void add(UniqueFd fd);
    void ready(Connection& c, unsigned what);
    void read(Connection& c);
    void answer(Connection& c);
    void respond(Connection& c, const HttpResponse& response, bool head_only);
    void write(Connection& c);
    void close(Connection& c) { connections.erase(c.fd.get()); }

    const UniqueFd socket;
    const Options options;
    const Handler handler;
    loop::EventLoop loop{"metrics"};
    loop::Watch accepting, pause;
    std::unordered_map<int, std::shared_ptr<Connection>> connections;
    // Last: its thread ends before what it uses goes.
    std::unique_ptr<loop::LoopThread> thread;
};

HttpListener::HttpListener(UniqueFd socket, Options options, Handler handler)
    : state_(std::make_unique<State>(std::move(socket), options, std::move(handler))) {
    state_->thread = std::make_unique<loop::LoopThread>(state_->loop);
    state_->loop.post([s = state_.get()] { s->start(); });
}

// What the loop watches goes on its own thread, while the descriptors are still open.
HttpListener::~HttpListener() {
    state_->loop.post([s = state_.get()] {
        s->accepting.remove();
        s->pause.remove();
        s->connections.clear();
    });
    state_->thread->stop_and_join();
}

void HttpListener::State::accept_ready() {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
        UniqueFd fd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd) {
            add(std::move(fd));
            continue;
        }
        // The backlog stays readable, so watching on would spin.
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            accepting.set_events(0);
            pause.arm(kPauseWithoutDescriptors);
        }
        return;
    }
}

void HttpListener::State::add(UniqueFd fd) {
    if (connections.size() >= options.max_connections) {
        const std::string bytes = response_bytes(status_response(503), false);
        // One try: a socket that was just accepted has room for it.
        [[maybe_unused]] const auto n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    const int number = fd.get();
    auto c = std::make_shared<Connection>();
    c->fd = std::move(fd);
    connections[number] = c;
    // The closures hold the connection weakly: it goes when it leaves the table.
    const std::weak_ptr<Connection> weak = c;
    c->watch = loop.add_fd(number, loop::kReadable, [this, weak](unsigned what) {
        if (const auto held = weak.lock()) ready(*held, what);
    });
    c->timer = loop.add_timer([this, weak] {
        if (const auto held = weak.lock()) close(*held);
    });
    c->timer.arm(options.deadline);
}

void HttpListener::State::ready(Connection& c, unsigned what) {
    if (c.phase == Connection::Phase::writing) {
        if ((what & loop::kWritable) != 0) write(c);
    } else {
        read(c);
    }
}

void HttpListener::State::read(Connection& c) {
    char bytes[4096];
    while (true) {
        const ssize_t n = ::recv(c.fd.get(), bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n <= 0) return close(c);
        // After the response what still comes is thrown away, or closing would lose the response.
        if (c.phase == Connection::Phase::draining) continue;
        c.in.append(bytes, static_cast<std::size_t>(n));
        if (c.in.find("\r\n\r\n") != std::string::npos || c.in.find("\n\n") != std::string::npos) return answer(c);
        if (c.in.size() > options.max_request) return respond(c, status_response(431), false);
    }
}

void HttpListener::State::answer(Connection& c) {
    const std::size_t end = std::min(c.in.find("\r\n\r\n"), c.in.find("\n\n"));
    if (end > options.max_request) return respond(c, status_response(431), false);
    const ParsedHead head = parse_head(std::string_view(c.in).substr(0, end));
    if (head.fault != 0) return respond(c, status_response(head.fault), head.head_only);
    HttpResponse response;
    try {
        response = handler(head.request);
    } catch (const std::exception& e) {
        log::error("metrics", "'{}' cannot be answered: {}", head.request.path, e.what());
        response = status_response(500);
    }
    respond(c, response, head.head_only);
}

void HttpListener::State::respond(Connection& c, const HttpResponse& response, bool head_only) {
    c.out = response_bytes(response, head_only);
    c.in.clear();
    c.phase = Connection::Phase::writing;
    write(c);
}

void HttpListener::State::write(Connection& c) {
    while (c.sent < c.out.size()) {
        const ssize_t n = ::send(c.fd.get(), c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return c.watch.set_events(loop::kWritable);
        if (n < 0) return close(c);
        c.sent += static_cast<std::size_t>(n);
    }
    c.out = {};
    ::shutdown(c.fd.get(), SHUT_WR);
    c.phase = Connection::Phase::draining;
    c.watch.set_events(loop::kReadable);
    read(c); // a scraper that has closed already
}

} // namespace polyvirt::metrics
