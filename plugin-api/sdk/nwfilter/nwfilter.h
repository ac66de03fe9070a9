// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The documents of traffic filters and of their bindings to ports. What a rule matches is kept as it
// was written (numbers in either base, variables); a table (match.cpp) says what each protocol takes
// and in which bounds.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::nwfilter {

enum class Action : std::uint8_t { unset, drop, accept, reject, return_, continue_ };
inline constexpr std::string_view kActions[] = {"", "drop", "accept", "reject", "return", "continue"};
constexpr xml::Names names_of(Action) {
    return kActions;
}
enum class Direction : std::uint8_t { unset, in, out, inout };
inline constexpr std::string_view kDirections[] = {"", "in", "out", "inout"};
constexpr xml::Names names_of(Direction) {
    return kDirections;
}

inline constexpr std::string_view kProtocols[] = {
    "mac",      "vlan",      "stp",     "arp",          "rarp",     "ip",       "ipv6",        "tcp",
    "udp",      "sctp",      "icmp",    "igmp",         "all",      "esp",      "ah",          "udplite",
    "tcp-ipv6", "udp-ipv6",  "sctp-ipv6", "icmpv6",     "all-ipv6", "esp-ipv6", "ah-ipv6",     "udplite-ipv6"};

// One protocol element: its number in kProtocols, and its attributes by their numbers in the table.
struct Match {
    std::size_t which = 0;
    xml::YesNo match{};
    std::vector<std::string> values; // one for each attribute of the protocol; empty: not given
};
struct Parameter {
    std::string name, value;
};

// A <rule> or a <filterref>, as their order counts.
struct Entry {
    std::size_t which = 0; // of kEntryNames
    // rule
    Action action{};
    Direction direction{};
    std::optional<std::int32_t> priority;
    std::string statematch;
    std::vector<Match> matches;
    // filterref
    std::string filter;
    std::vector<Parameter> parameters;

    [[nodiscard]] bool is_rule() const { return which == 0; }
};
inline constexpr std::string_view kEntryNames[] = {"rule", "filterref"};

struct Filter {
    std::string name, chain;
    std::optional<std::int32_t> priority;
    std::optional<Uuid> uuid;
    std::vector<Entry> entries;
};

void describe(xml::Binder& b, Match& v);
void describe(xml::Binder& b, Parameter& v);
void describe(xml::Binder& b, Entry& v);
void describe(xml::Binder& b, Filter& v);

inline constexpr xml::RootName kFilterRoot{"filter", "network filter description", ErrorDomain::nwfilter};
using ParsedFilter = xml::ParsedRoot<Filter>;
// Read, completed and checked. Errors: xml_error, internal_error (an attribute's value, as the peer says
// it), invalid_arg (a chain's name).
Result<ParsedFilter> parse_filter(std::string_view text, const xml::Limits& limits = {});
Result<ParsedFilter> parse_filter(const xml::Node& root);
std::string format_filter(const Filter& v);

struct BindingOwner {
    std::string name;
    std::optional<Uuid> uuid;
};
struct Binding {
    BindingOwner owner;
    std::string port_device, link_device;
    std::optional<xml::Mac> mac;
    Entry filter_ref;
    Binding() { filter_ref.which = 1; }
};
void describe(xml::Binder& b, Binding& v);

inline constexpr xml::RootName kBindingRoot{"filterbinding", "network filter binding description",
                                            ErrorDomain::nwfilter};
using ParsedBinding = xml::ParsedRoot<Binding>;
Result<ParsedBinding> parse_binding(std::string_view text, const xml::Limits& limits = {});
Result<ParsedBinding> parse_binding(const xml::Node& root);
std::string format_binding(const Binding& v);

} // namespace polyvirt::sdk::nwfilter
