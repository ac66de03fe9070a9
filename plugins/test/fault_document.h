// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What an author declares to go wrong: <fault:faults> in a domain's (pool's, network's ...) document, for that object,
// or in <node>, for everything. docs/test-driver.md has examples. Plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/xml/binder.h"

namespace polyvirt::test {

inline constexpr sdk::xml::Namespace kFaultNamespace{"fault", "http://polyvirt.org/schemas/fault/1.0"};

enum class FaultKind : std::uint8_t { error, delay, hang };

// One rule: which calls, how often, and what happens to them.
struct FaultRule {
    FaultKind kind = FaultKind::error;
    std::string op;                            // "domain.suspend", "domain.*", "*"
    std::optional<std::uint32_t> after, times; // lets so many pass first; then meets so many (absent: all)
    std::optional<std::uint32_t> code;         // error: the wire's number; absent: 9, operation failed
    std::string message;
    std::optional<std::uint32_t> ms; // delay, and hang: for so long; a hang without ends with the call or the object
};

// Events that come by themselves once the domain runs.
struct EventStorm {
    std::string event;                         // as `virsh event --list` names it
    std::optional<std::uint32_t> count, per_second;
};
// The driver loses what it controls the domain with.
struct LostMonitor {
    std::optional<std::uint32_t> after_ms; // the domain's start
};

// How long what takes time takes.
struct LongJobs {
    std::optional<std::uint32_t> ms;
};

struct FaultSet {
    std::vector<FaultRule> errors, delays, hangs;
    std::vector<EventStorm> storms;
    std::optional<LostMonitor> monitor;
    std::optional<LongJobs> jobs;

    [[nodiscard]] std::uint32_t job_ms() const { return jobs ? jobs->ms.value_or(0) : 0; }

    [[nodiscard]] bool empty() const { return errors.empty() && delays.empty() && hangs.empty() && storms.empty() && !monitor && !jobs; }
};
void describe(sdk::xml::Binder& b, FaultSet& v);

// <fault:faults> among the children of `object`; an empty set if there is none. Errors: xml_error with line; what no
// rule can mean (an op that does not exist) too.
Result<FaultSet> read_faults(const sdk::xml::Node& object);
Result<FaultSet> parse_faults(const sdk::xml::Node& faults);
// The same, as it stood in the document; null if there is none.
const sdk::xml::Node* find_faults(const sdk::xml::Node& object);

// Whether `op` ("domain.suspend") is one that `pattern` means.
bool op_matches(std::string_view pattern, std::string_view op);

} // namespace polyvirt::test
