// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the tables say of each procedure. The tables themselves are generated (gen/procs.cpp) and
// constant.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace polyvirt::protocol {

enum class Role : std::uint8_t { call, event };
enum class Priority : std::uint8_t { low, high };
enum class StreamKind : std::uint8_t { none, read, write };

// A condition on one 32-bit argument of the call. `none`: never holds.
enum class Test : std::uint8_t { none, flags_all, flags_any, flags_none, equals };
struct Condition {
    Test test = Test::none;
    std::uint32_t value = 0;
    const char* arg = "";
    std::size_t offset = 0; // of that argument in the procedure's NAME_args

    [[nodiscard]] constexpr bool holds(std::uint32_t found) const {
        switch (test) {
        case Test::flags_all: return (found & value) == value;
        case Test::flags_any: return (found & value) != 0;
        case Test::flags_none: return (found & value) == 0;
        case Test::equals: return found == value;
        case Test::none: break;
        }
        return false;
    }
    // `args`: the procedure's decoded NAME_args.
    [[nodiscard]] bool holds_in(const void* args) const {
        std::uint32_t found = 0;
        if (test != Test::none)
            std::memcpy(&found, static_cast<const char*>(args) + offset, sizeof found);
        return holds(found);
    }
};

struct AclRule {
    const char* permission; // "domain.read"
    std::uint16_t number;   // its place in permissions()
    Condition when;         // none: always
    bool filter;            // decides which items of a list or event stream are shown
};

struct ProcInfo {
    std::uint32_t program;
    std::int32_t id;
    const char* name;
    const char* api; // "" where unknown
    const char* kind;
    const char* since; // "" = 9.0.0 or older
    Role role;
    Priority priority;
    StreamKind stream; // read: the daemon sends
    bool duplex;
    std::uint32_t sparse_flag;
    std::uint8_t call_fds, reply_fds; // at most
    bool readonly_denied;             // always, on read-only connections; also where unknown
    Condition readonly_when;          // or when this holds
    bool before_auth, before_open;
    Condition before_open_when;
    std::span<const AclRule> acl;
    bool unknown; // the permissions are unknown: denied wherever they are enforced
};

struct FeatureInfo {
    std::int32_t id;
    const char* name;
    bool host; // answered by the daemon, with `value`
    bool value;
    bool starts_pings;
};

struct EventInfo {
    const char* kind; // "domain", "network", ...
    std::int32_t event_id;
    std::int32_t old_proc; // 0: cannot be registered the old way
    std::int32_t new_proc;
};

// Rising by id.
std::span<const ProcInfo> procs(std::uint32_t program);
std::span<const std::uint32_t> programs();
// "" for unknown numbers.
const char* program_name(std::uint32_t program);
// Null: unassigned number. O(1).
const ProcInfo* find_proc(std::uint32_t program, std::int32_t proc);
const FeatureInfo* find_feature(std::int32_t id);
std::span<const EventInfo> event_table();
// Every permission that a procedure needs, "object.what", sorted.
std::span<const char* const> permissions();

} // namespace polyvirt::protocol
