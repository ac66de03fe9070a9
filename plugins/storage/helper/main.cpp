// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <csignal>
#include <cstdio>
#include <exception>

#include <unistd.h>

#include "helper.h"

namespace {

using polyvirt::storage::Answer;
using polyvirt::storage::Facts;

Answer error_of(const polyvirt::Error& e) {
    return Facts{{"error.code", static_cast<int>(e.code)},
                 {"error.domain", static_cast<int>(e.domain)},
                 {"error.message", e.message},
                 {"error.str1", e.str1},
                 {"error.str2", e.str2},
                 {"error.int1", e.int1}};
}

bool write_all(int fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
        if (n <= 0) return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
}

int run(const char* name, const char* request) {
    constexpr int kAnswer = 3;
    const auto verb = polyvirt::storage::helper::find_verb(name);
    std::string_view text = request;
    const auto in = Facts::take(text);
    if (verb == nullptr || !in) return 2;
    Answer out;
    try {
        auto done = verb(*in);
        out = done ? *std::move(done) : error_of(done.error());
    } catch (const std::exception& e) {
        out = error_of(polyvirt::Error{.message = std::string("internal error: ") + e.what()});
    }
    return write_all(kAnswer, out.packed()) ? 0 : 3;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "storage-helper is run by the storage driver of polyvirtd\n");
        return 2;
    }
    ::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argv[1], argv[2]);
    } catch (...) {
        return 4;
    }
}
