// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Who asks, and about what: the two sides of a decision. Plain values.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "host/access/permission.h"

namespace polyvirt::access {

enum class Transport : std::uint8_t { unix_socket, tcp, tls };

struct Subject {
    std::int64_t uid = -1, gid = -1, pid = -1; // -1: not known (no unix socket)
    std::vector<std::uint32_t> groups;         // further ones of the client's process
    Transport transport = Transport::unix_socket;
    bool readonly = false;
    std::string sasl_user, x509_dname; // empty: none
    std::uint64_t start_time = 0;      // of the process, in the kernel's ticks since boot

    // "uid 1000", "sasl user 'alice'", ...: for logs.
    [[nodiscard]] std::string to_string() const;
};

// What a decision is about. The texts live as long as the decision takes.
struct Object {
    Kind kind = Kind::connect;
    // False: there is one, but which is not known yet (a save file that only the driver reads). Then a rule
    // that names objects denies and never allows.
    bool known = true;
    std::string_view name{};   // empty: it has none
    Uuid uuid{};               // nil: it has none
    std::string_view parent{}; // a volume's pool, a port's network
    // Further details, for polkit: the mac of an interface, the key of a volume ...
    std::span<const std::pair<std::string, std::string>> keys{};

    // "domain 'web-1'"; "" for connect and where it is not known
    [[nodiscard]] std::string to_string() const;
};

} // namespace polyvirt::access
