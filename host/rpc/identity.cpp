// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/identity.h"

#include <array>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/unique_fd.h"

namespace polyvirt::rpc {

const char* transport_name(Transport transport) {
    switch (transport) {
    case Transport::unix_socket: return "unix";
    case Transport::tcp: return "tcp";
    case Transport::tls: return "tls";
    }
    return "?";
}

std::string Identity::peer() const {
    return is_local() ? "uid " + std::to_string(uid) : address.substr(0, address.rfind(':'));
}

std::uint64_t process_start_time(pid_t pid) {
    const UniqueFd fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return 0;
    std::array<char, 1024> text{};
    const ssize_t n = ::read(fd.get(), text.data(), text.size());
    if (n <= 0)
        return 0;
    std::string_view rest(text.data(), static_cast<std::size_t>(n));
    // Field 22; the second, the program's name, may contain anything, so count from its end.
    const auto name_end = rest.rfind(')');
    if (name_end == std::string_view::npos)
        return 0;
    rest.remove_prefix(name_end + 1);
    for (int field = 2; field < 21; ++field) {
        const auto blank = rest.find(' ', 1);
        if (blank == std::string_view::npos)
            return 0;
        rest.remove_prefix(blank);
    }
    if (!rest.empty())
        rest.remove_prefix(1);
    std::uint64_t ticks = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), ticks);
    return ticks;
}

} // namespace polyvirt::rpc
