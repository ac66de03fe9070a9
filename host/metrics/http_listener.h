// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// HttpListener: answers GET and HEAD on one listening socket, each connection once, on a thread and
// loop of its own ("metrics"): whatever is asked of it, the loop that serves clients notices nothing.
// Bounded in all: connections, bytes of a request, and the time that a connection may take.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.h"

namespace polyvirt::metrics {

struct HttpRequest {
    std::string path;   // without what follows a '?'
    std::string accept; // the header of that name; empty = none
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

class HttpListener {
  public:
    struct Options {
        unsigned max_connections = 16; // beyond it: 503
        std::size_t max_request = 8192; // beyond it: 431
        std::chrono::milliseconds deadline{10'000};
    };
    // On the listener's thread.
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    // `socket` listens and does not block. Throws std::system_error or std::runtime_error if there is no
    // thread or descriptor to be had.
    HttpListener(UniqueFd socket, Options options, Handler handler);
    // Ends the thread; connections are closed.
    ~HttpListener();
    HttpListener(const HttpListener&) = delete;
    HttpListener& operator=(const HttpListener&) = delete;

  private:
    struct State;
    struct Connection;
    const std::unique_ptr<State> state_;
};

} // namespace polyvirt::metrics
