// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// MetricsService: GET /metrics of one daemon, on a loopback TCP port or a unix socket. Nobody is asked
// who he is, which is why it listens nowhere else. Owned by the daemon, whose dispatcher outlives it.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "host/metrics/collect.h"
#include "host/metrics/http_listener.h"
#include "host/rpc/listener.h"

namespace polyvirt::metrics {

// "127.0.0.1:9177", "[::1]:9177", or the absolute path of a unix socket. Port 0: any free one.
struct Address {
    std::string path; // empty: TCP
    std::string host;
    std::uint16_t port = 0;
};
Result<Address> parse_address(std::string_view text);

class MetricsService {
  public:
    struct Settings {
        std::string listen; // an Address
        mode_t unix_mode = 0660;
        HttpListener::Options http;
        CollectOptions collect;
    };
    // Serves from here on. Errors name the address.
    static Result<std::unique_ptr<MetricsService>> start(dispatch::Dispatcher& dispatcher, Settings settings);

    // Where it listens: the port is the real one.
    [[nodiscard]] const std::string& where() const { return where_; }

  private:
    MetricsService() = default;
    std::string where_;
    std::optional<rpc::Listener> unix_socket_; // removes its file at the end
    std::unique_ptr<HttpListener> http_;       // goes first
};

} // namespace polyvirt::metrics
