// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/nwfilter/nwfilter.h"

#include <algorithm>

#include "sdk/nwfilter/match.h"
#include "sdk/xml/format.h"

namespace polyvirt::sdk::nwfilter {
namespace {

constexpr std::int32_t kDefaultPriority = 500;
constexpr std::int32_t kLowest = -1000, kHighest = 1000;
constexpr std::size_t kLongestChain = 22;

xml::Rule priorities() {
    return xml::Rule{}.limits(kLowest, kHighest);
}

// A chain is "root" or begins with the protocol that it belongs to.
Status check_chain(const Filter& v) {
    constexpr std::string_view kPrefixes[] = {"root", "mac", "vlan", "stp", "arp", "rarp", "ipv4", "ipv6"};
    const auto known = [&] {
        return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                           [&](std::string_view p) { return v.chain.starts_with(p); });
    };
    if (v.chain.size() > kLongestChain)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::nwfilter,
                          "Name of chain is longer than {} characters: '{}'", kLongestChain,
                          v.chain.substr(0, 80));
    const bool plain = std::all_of(v.chain.begin(), v.chain.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-' || c == ':';
    });
    if (!plain)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::nwfilter, "Chain name contains invalid characters: '{}'",
                          v.chain);
    if (!known())
        return make_error(ErrorCode::invalid_arg, ErrorDomain::nwfilter,
                          "Invalid chain name '{}'. Please use a chain name called 'root' or any of the following "
                          "prefixes: mac, vlan, stp, arp, rarp, ipv4, ipv6",
                          v.chain);
    return {};
}

Status check_match(const Match& m) {
    const auto attributes = attributes_of(m.which);
    for (std::size_t i = 0; i < attributes.size() && i < m.values.size(); i++)
        if (!m.values[i].empty() && !is_allowed(*attributes[i], m.values[i]))
            return make_error(ErrorCode::internal_error, ErrorDomain::nwfilter, "{} has illegal value {}",
                              attributes[i]->name, m.values[i]);
    return {};
}

Status complete_entry(Entry& e) {
    if (!e.is_rule())
        return {};
    if (!e.priority)
        e.priority = kDefaultPriority;
    if (e.statematch == "0")
        e.statematch = "false";
    if (e.statematch != "false")
        e.statematch.clear(); // true is what is not said
    for (const Match& m : e.matches)
        PV_TRY(check_match(m));
    return {};
}

} // namespace

void describe(xml::Binder& b, Match& v) {
    b.attr("match", v.match);
    const auto attributes = attributes_of(v.which);
    // Reading makes room; printing and the reference find what is there.
    if (v.values.size() < attributes.size())
        v.values.resize(attributes.size());
    for (std::size_t i = 0; i < attributes.size(); i++)
        b.attr(attributes[i]->name, v.values[i]);
}
void describe(xml::Binder& b, Parameter& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("value", v.value, xml::kRequired);
}
void describe(xml::Binder& b, Entry& v) {
    b.when(v.is_rule(), "it is a rule", [&] {
        b.attr("action", v.action, xml::kRequired);
        b.attr("direction", v.direction, xml::kRequired);
        b.attr("priority", v.priority, priorities());
        b.attr("statematch", v.statematch);
        b.mixed(kProtocols, v.matches);
    });
    b.when(!v.is_rule(), "it is a filterref", [&] {
        b.attr("filter", v.filter, xml::kRequired);
        b.child("parameter", v.parameters);
    });
}
void describe(xml::Binder& b, Filter& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("chain", v.chain);
    b.attr("priority", v.priority, priorities());
    b.element("uuid", v.uuid);
    b.mixed(kEntryNames, v.entries);
}

Result<ParsedFilter> parse_filter(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kFilterRoot.what, limits));
    return parse_filter(root);
}

Result<ParsedFilter> parse_filter(const xml::Node& root) {
    PV_ASSIGN_OR_RETURN(ParsedFilter parsed, xml::parse_root<Filter>(root, kFilterRoot));
    Filter& v = parsed.value;
    if (v.name.find('/') != std::string::npos)
        return make_error(ErrorCode::xml_error, ErrorDomain::nwfilter, "name {} cannot contain '/'", v.name);
    if (v.chain.empty())
        v.chain = "root";
    PV_TRY(check_chain(v));
    if (!v.uuid)
        v.uuid = Uuid::random();
    for (Entry& e : v.entries)
        PV_TRY(complete_entry(e));
    return parsed;
}

std::string format_filter(const Filter& v) {
    return xml::format("filter", v);
}

static void describe(xml::Binder& b, BindingOwner& v) {
    b.element("name", v.name);
    b.element("uuid", v.uuid);
}

void describe(xml::Binder& b, Binding& v) {
    b.child("owner", v.owner);
    b.group("portdev", [&] { b.attr("name", v.port_device, xml::kRequired); });
    b.group("linkdev", [&] { b.attr("name", v.link_device); });
    b.group("mac", [&] { b.attr("address", v.mac); });
    b.child("filterref", v.filter_ref);
}

Result<ParsedBinding> parse_binding(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kBindingRoot.what, limits));
    return parse_binding(root);
}

Result<ParsedBinding> parse_binding(const xml::Node& root) {
    PV_TRY(xml::check_root(root, kBindingRoot));
    ParsedBinding parsed;
    PV_ASSIGN_OR_RETURN(parsed.value, xml::parse<Binding>(root, parsed.messages));
    const Binding& v = parsed.value;
    const struct {
        bool there;
        const char* what;
    } needs[] = {{!v.port_device.empty(), "port dev name"},
                 {!v.owner.name.empty(), "owner name"},
                 {v.owner.uuid.has_value(), "owner UUID"},
                 {v.mac.has_value(), "MAC address"},
                 {!v.filter_ref.filter.empty(), "filter name"}};
    for (const auto& need : needs)
        if (!need.there)
            return make_error(ErrorCode::internal_error, ErrorDomain::nwfilter, "filter binding has no {}",
                              need.what);
    return parsed;
}

std::string format_binding(const Binding& v) {
    return xml::format("filterbinding", v);
}

} // namespace polyvirt::sdk::nwfilter
