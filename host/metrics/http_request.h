// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The head of an HTTP request as text, and a response as bytes. Pure functions.

#include <string>
#include <string_view>

#include "host/metrics/http_listener.h"

namespace polyvirt::metrics {

struct ParsedHead {
    int fault = 0; // an HTTP status to refuse with; 0: understood
    bool head_only = false;
    HttpRequest request;
};

// `head`: all up to the empty line, without it.
ParsedHead parse_head(std::string_view head);
// With "Connection: close"; without the body if `head_only`.
std::string response_bytes(const HttpResponse& response, bool head_only);
// What says a bare status.
HttpResponse status_response(int status);

} // namespace polyvirt::metrics
