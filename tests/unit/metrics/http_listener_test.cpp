// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/http_listener.h"

#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace polyvirt::metrics {
namespace {

using namespace std::chrono_literals;

class HttpListenerTest : public testing::Test {
  protected:
    void start(HttpListener::Options options, std::string body = "fine\n") {
        UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address_), size), 0);
        ASSERT_EQ(::listen(socket.get(), 64), 0);
        ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address_), &size), 0);
        http_ = std::make_unique<HttpListener>(std::move(socket), options,
                                               [body](const HttpRequest& request) -> HttpResponse {
                                                   if (request.path == "/throw") throw std::runtime_error("no");
                                                   return {.body = body};
                                               });
    }
    [[nodiscard]] UniqueFd connect() const {
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_), 0);
        return fd;
    }
    static void say(const UniqueFd& fd, std::string_view text) {
        EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    // Everything until the listener closes.
    static std::string hear(const UniqueFd& fd) {
        std::string all;
        char bytes[4096];
        for (ssize_t n = 0; (n = ::recv(fd.get(), bytes, sizeof bytes, 0)) > 0;) all.append(bytes, static_cast<std::size_t>(n));
        return all;
    }
    std::string get(std::string_view head) const {
        const UniqueFd fd = connect();
        say(fd, head);
        return hear(fd);
    }

    sockaddr_in address_{};
    std::unique_ptr<HttpListener> http_;
};

TEST_F(HttpListenerTest, answers_and_closes) {
    start({});
    const std::string answer = get("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nfine\n")) << answer;
    EXPECT_TRUE(get("HEAD / HTTP/1.1\r\n\r\n").ends_with("Connection: close\r\n\r\n"));
}

TEST_F(HttpListenerTest, takes_a_request_in_pieces) {
    start({});
    const UniqueFd fd = connect();
    for (const char c : std::string("GET / HTTP/1.1\r\nA: b\r\n\r\n")) say(fd, {&c, 1});
    EXPECT_TRUE(hear(fd).ends_with("fine\n"));
}

TEST_F(HttpListenerTest, refuses_a_request_that_does_not_end) {
    start({.max_request = 1000});
    EXPECT_TRUE(get("GET / HTTP/1.1\r\nA: " + std::string(5000, 'x')).starts_with("HTTP/1.1 431 "));
    EXPECT_TRUE(get("GET / HTTP/1.1\r\nA: " + std::string(2000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
}

TEST_F(HttpListenerTest, survives_a_handler_that_throws) {
    start({});
    EXPECT_TRUE(get("GET /throw HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 500 "));
    EXPECT_TRUE(get("GET / HTTP/1.1\r\n\r\n").ends_with("fine\n"));
}

TEST_F(HttpListenerTest, closes_who_is_silent_too_long) {
    start({.deadline = 50ms});
    const UniqueFd silent = connect();
    EXPECT_EQ(hear(silent), "");
    const UniqueFd slow = connect();
    say(slow, "GET / HTTP/1.1\r\n");
    EXPECT_EQ(hear(slow), "");
}

TEST_F(HttpListenerTest, tells_those_beyond_the_limit_that_it_is_busy) {
    start({.max_connections = 2});
    std::vector<UniqueFd> silent;
    silent.push_back(connect());
    silent.push_back(connect());
    EXPECT_TRUE(hear(connect()).starts_with("HTTP/1.1 503 "));
    silent.pop_back(); // the place is free once the listener has seen it
    for (std::string answer; !answer.ends_with("fine\n");) {
        const UniqueFd fd = connect();
        // A refused connection is closed at once: what is said to it may fail.
        constexpr std::string_view kGet = "GET / HTTP/1.1\r\n\r\n";
        static_cast<void>(::send(fd.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL));
        answer = hear(fd);
    }
}

TEST_F(HttpListenerTest, sends_an_answer_that_the_socket_does_not_take_at_once) {
    const std::string body(std::size_t{8} << 20, 'z');
    start({}, body);
    const std::string answer = get("GET / HTTP/1.1\r\n\r\n");
    ASSERT_GT(answer.size(), body.size());
    EXPECT_EQ(answer.substr(answer.size() - body.size()), body);
}

TEST_F(HttpListenerTest, ends_while_somebody_is_connected) {
    start({});
    const UniqueFd fd = connect();
    say(fd, "GET");
    http_.reset();
    EXPECT_EQ(hear(fd), "");
}

} // namespace
} // namespace polyvirt::metrics
