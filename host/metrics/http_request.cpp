// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/http_request.h"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>

namespace polyvirt::metrics {
namespace {

std::string_view cut(std::string_view& text, std::string_view at) {
    const std::size_t end = text.find(at);
    const std::string_view part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + at.size());
    return part;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

const char* reason(int status) {
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
    }
}

} // namespace

ParsedHead parse_head(std::string_view head) {
    ParsedHead parsed;
    std::string_view line = trimmed(cut(head, "\n"));
    const std::string_view method = cut(line, " ");
    const std::string_view target = cut(line, " ");
    const auto refuse = [&](int status) {
        parsed.fault = status;
        return parsed;
    };
    if (method.empty() || target.empty() || target.front() != '/' || line.substr(0, 5) != "HTTP/") return refuse(400);
    if (line != "HTTP/1.1" && line != "HTTP/1.0") return refuse(505);
    if (method != "GET" && method != "HEAD") return refuse(405);
    parsed.head_only = method == "HEAD";
    parsed.request.path = std::string(target.substr(0, target.find('?')));
    while (!head.empty()) {
        std::string_view value = cut(head, "\n");
        const std::string_view name = cut(value, ":");
        if (same_name(trimmed(name), "accept")) {
            if (!parsed.request.accept.empty()) parsed.request.accept += ", ";
            parsed.request.accept += trimmed(value);
        }
    }
    return parsed;
}

HttpResponse status_response(int status) {
    return {.status = status, .body = fmt::format("{} {}\n", status, reason(status))};
}

std::string response_bytes(const HttpResponse& response, bool head_only) {
    std::string bytes = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n",
                                    response.status, reason(response.status), response.content_type,
                                    response.body.size(), response.status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!head_only) bytes += response.body;
    return bytes;
}

} // namespace polyvirt::metrics
