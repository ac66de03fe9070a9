// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/metrics_service.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::metrics {
namespace {

Error wrong_address(std::string_view text) {
    return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                      "'{}' is no address for metrics: expected 127.0.0.1:PORT, [::1]:PORT or the absolute path of a "
                      "unix socket",
                      text);
}

bool is_loopback(const std::string& host) {
    in_addr four{};
    if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    in6_addr six{};
    return ::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six) != 0;
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

SocketAddress socket_address(const Address& address) {
    SocketAddress made;
    auto* four = reinterpret_cast<sockaddr_in*>(&made.storage);
    if (::inet_pton(AF_INET, address.host.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(address.port);
        made.size = sizeof *four;
        return made;
    }
    auto* six = reinterpret_cast<sockaddr_in6*>(&made.storage);
    ::inet_pton(AF_INET6, address.host.c_str(), &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(address.port);
    made.size = sizeof *six;
    return made;
}

Result<UniqueFd> listen_on(const Address& address) {
    SocketAddress at = socket_address(address);
    UniqueFd fd(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at.storage), at.size) != 0 || ::listen(fd.get(), 64) != 0)
        return make_system_error(errno, ErrorDomain::none,
                                 fmt::format("cannot listen for metrics on {}:{}", address.host, address.port));
    return fd;
}

std::uint16_t port_of(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
    return ntohs(storage.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                                              : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

HttpResponse answer(const HttpRequest& request, dispatch::Dispatcher& dispatcher, const CollectOptions& options,
                    GuestFigures& figures) {
    if (request.path == "/")
        return {.content_type = "text/plain; charset=utf-8", .body = "polyvirtd: see /metrics\n"};
    if (request.path != "/metrics") return {.status = 404, .body = "404 Not Found: only /metrics is here\n"};
    const Exposition::Format format = Exposition::format_for(request.accept);
    Exposition out(format);
    collect(out, dispatcher, options, figures);
    return {.content_type = Exposition::content_type(format), .body = out.take()};
}

} // namespace

Result<Address> parse_address(std::string_view text) {
    Address address;
    if (text.starts_with('/')) {
        address.path = text;
        return address;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong_address(text);
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') != host.ends_with(']')) return wrong_address(text);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    const std::string_view port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    address.host = host;
    if (error != std::errc{} || end != port.data() + port.size() || !is_loopback(address.host)) return wrong_address(text);
    return address;
}

Result<std::unique_ptr<MetricsService>> MetricsService::start(dispatch::Dispatcher& dispatcher, Settings settings) {
    PV_ASSIGN_OR_RETURN(const Address address, parse_address(settings.listen));
    std::unique_ptr<MetricsService> service(new MetricsService);
    UniqueFd fd;
    if (address.path.empty()) {
        PV_ASSIGN_OR_RETURN(fd, listen_on(address));
        service->where_ = fmt::format("http://{}:{}/metrics",
                                      address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]",
                                      port_of(fd.get()));
    } else {
        PV_ASSIGN_OR_RETURN(service->unix_socket_, rpc::Listener::open({.path = address.path, .mode = settings.unix_mode}));
        fd.reset(::fcntl(service->unix_socket_->fd(), F_DUPFD_CLOEXEC, 0));
        if (!fd) return make_system_error(errno, ErrorDomain::none, "metrics on '" + address.path + "'");
        service->where_ = address.path;
    }
    try {
        service->http_ = std::make_unique<HttpListener>(
            std::move(fd), settings.http,
            [&dispatcher, options = settings.collect,
             figures = std::make_shared<GuestFigures>(settings.collect.figures)](const HttpRequest& request) {
                return answer(request, dispatcher, options, *figures);
            });
    } catch (const std::exception& e) { // no thread, no descriptors
        return make_error(ErrorCode::operation_failed, ErrorDomain::none, "metrics on {}: {}", service->where_, e.what());
    }
    return service;
}

} // namespace polyvirt::metrics
