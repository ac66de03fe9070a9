// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/questions.h"

#include <cerrno>
#include <ctime>

#include <poll.h>
#include <sys/socket.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t kPatience = 30'000'000'000;
constexpr std::size_t kMaxLine = std::size_t{16} << 20;

std::int64_t now_ns() {
    timespec ts{};
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1'000'000'000LL + ts.tv_nsec;
}

} // namespace

Questions::Questions(UniqueFd fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)), deadline_(now_ns() + kPatience) {}

Status Questions::begin() {
    PV_ASSIGN_OR_RETURN(const Json greeting, receive());
    if (!greeting.contains("QMP")) return failed("greets with something else than QMP");
    PV_ASSIGN_OR_RETURN(const Json ready, ask("qmp_capabilities"));
    (void)ready;
    return {};
}

Result<Json> Questions::ask(const char* command, const Json& arguments) {
    Json document = {{"execute", command}, {"id", ++id_}};
    if (!arguments.is_null()) document["arguments"] = arguments;
    const std::string line = document.dump() + "\n";
    // A command is far below what a socket takes at once.
    if (::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
        return failed("closed its monitor");
    while (true) {
        PV_ASSIGN_OR_RETURN(const Json reply, receive());
        const auto id = reply.find("id");
        if (id == reply.end() || *id != id_) continue; // an event
        if (const auto value = reply.find("return"); value != reply.end()) return Json(*value);
        return failed(fmt::format("answers '{}' with {}", command, reply.dump()));
    }
}

Error Questions::failed(std::string_view how) const {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Failed to probe QEMU binary '{}': it {}", path_, how);
}

Result<Json> Questions::receive() {
    while (true) {
        if (const std::size_t end = in_.find('\n'); end != std::string::npos) {
            Json document = Json::parse(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
            in_.erase(0, end + 1);
            if (!document.is_object()) return failed("answers with something else than JSON");
            return document;
        }
        if (in_.size() > kMaxLine) return failed("answers without end");
        pollfd p{fd_.get(), POLLIN, 0};
        const std::int64_t left = deadline_ - now_ns();
        if (left <= 0) return failed("does not answer within 30 s");
        if (::poll(&p, 1, static_cast<int>(left / 1'000'000 + 1)) <= 0) continue;
        char buffer[65536];
        const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return failed("ended without an answer");
        in_.append(buffer, static_cast<std::size_t>(n));
    }
}

} // namespace polyvirt::qemu
