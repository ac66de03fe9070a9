// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/http_request.h"

#include <gtest/gtest.h>

namespace polyvirt::metrics {
namespace {

TEST(HttpRequest, is_understood) {
    const ParsedHead head = parse_head("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nACCEPT:  text/plain \r\nAccept: b");
    EXPECT_EQ(head.fault, 0);
    EXPECT_FALSE(head.head_only);
    EXPECT_EQ(head.request.path, "/metrics");
    EXPECT_EQ(head.request.accept, "text/plain, b");
    EXPECT_TRUE(parse_head("HEAD / HTTP/1.0").head_only);
}

TEST(HttpRequest, is_refused_with_the_right_status) {
    struct {
        const char* head;
        int fault;
    } const rows[] = {{"", 400},
                      {"GET", 400},
                      {"GET /", 400},
                      {"GET metrics HTTP/1.1", 400},
                      {"GET / HTTP/2.0", 505},
                      {"GET / HTTP/1.1x", 505},
                      {"GET / FTP/1.1", 400},
                      {"POST /metrics HTTP/1.1", 405},
                      {"get / HTTP/1.1", 405},
                      {"\x16\x03\x01", 400}};
    for (const auto& row : rows) EXPECT_EQ(parse_head(row.head).fault, row.fault) << row.head;
}

TEST(HttpResponse, says_how_long_it_is_and_that_it_is_the_last) {
    const HttpResponse response{.status = 200, .content_type = "text/x", .body = "abc"};
    EXPECT_EQ(response_bytes(response, false),
              "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    EXPECT_EQ(response_bytes(response, true),
              "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
    EXPECT_NE(response_bytes(status_response(405), false).find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
}

} // namespace
} // namespace polyvirt::metrics
