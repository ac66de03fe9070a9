// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "fault_document.h"

#include <algorithm>

#include "base/error_text.h"
#include "fault_events.h"
#include "op_names.h"
#include "sdk/xml/parse.h"

namespace polyvirt::test {
using namespace sdk;

static void describe(xml::Binder& b, EventStorm& v) {
    b.attr("event", v.event, xml::kRequired);
    b.attr("count", v.count, xml::Rule{}.limits(1, 10'000'000));
    b.attr("per-second", v.per_second, xml::Rule{}.limits(1, 1'000'000));
}
static void describe(xml::Binder& b, LostMonitor& v) { b.attr("after-ms", v.after_ms); }
static void describe(xml::Binder& b, LongJobs& v) { b.attr("ms", v.ms, xml::Rule{true}.limits(0, 86'400'000)); }
static void describe(xml::Binder& b, FaultRule& v) {
    b.attr("op", v.op, xml::kRequired);
    b.attr("after", v.after);
    b.attr("times", v.times, xml::Rule{}.limits(1, 0xffff'ffff));
    b.attr("code", v.code, xml::Rule{}.limits(1, 109));
    b.attr("message", v.message);
    b.attr("ms", v.ms, xml::Rule{}.limits(1, 86'400'000));
}

void describe(xml::Binder& b, FaultSet& v) {
    b.inside(kFaultNamespace, [&] {
        b.child("error", v.errors);
        b.child("delay", v.delays);
        b.child("hang", v.hangs);
        b.child("storm", v.storms);
        b.child("lost-monitor", v.monitor);
        b.child("long-jobs", v.jobs);
    });
}

const xml::Node* find_faults(const xml::Node& object) {
    const auto found = std::find_if(object.children.begin(), object.children.end(), [](const xml::Node& n) {
        return n.is_element() && n.name == "faults" && n.uri == kFaultNamespace.uri;
    });
    return found == object.children.end() ? nullptr : &*found;
}

namespace {

Error wrong(const xml::Node& where, std::string text) {
    return make_error(ErrorCode::xml_error, ErrorDomain::test, "line {}: {}", where.line, text);
}

Status check_rules(std::vector<FaultRule>& rules, FaultKind kind, const xml::Node& faults) {
    for (FaultRule& rule : rules) {
        rule.kind = kind;
        if (kind == FaultKind::delay && !rule.ms)
            return wrong(faults, "<fault:delay> has no attribute 'ms', expected a number of milliseconds");
        if (kind != FaultKind::error && (rule.code || !rule.message.empty()))
            return wrong(faults, "only <fault:error> takes 'code' and 'message'");
        if (kind == FaultKind::error && rule.ms) return wrong(faults, "<fault:error> does not take 'ms'; add a <fault:delay>");
        if (const std::string why = complain_of_pattern(rule.op); !why.empty()) return wrong(faults, why);
    }
    return {};
}

} // namespace

Result<FaultSet> parse_faults(const xml::Node& faults) {
    xml::Messages messages;
    PV_ASSIGN_OR_RETURN(FaultSet set, xml::parse<FaultSet>(faults, messages));
    // In users' documents the unknown is ignored; here it would be a fault that never comes.
    if (!messages.empty()) return make_error(ErrorCode::xml_error, ErrorDomain::test, "{}", messages.list.front().text);
    PV_TRY(check_rules(set.errors, FaultKind::error, faults));
    PV_TRY(check_rules(set.delays, FaultKind::delay, faults));
    PV_TRY(check_rules(set.hangs, FaultKind::hang, faults));
    for (const EventStorm& storm : set.storms)
        if (const std::string why = complain_of_storm(storm.event); !why.empty()) return wrong(faults, why);
    return set;
}

Result<FaultSet> read_faults(const xml::Node& object) {
    const xml::Node* const faults = find_faults(object);
    if (faults == nullptr) return FaultSet{};
    return parse_faults(*faults);
}

bool op_matches(std::string_view pattern, std::string_view op) {
    if (pattern == "*" || pattern == op) return true;
    return pattern.ends_with(".*") && op.starts_with(pattern.substr(0, pattern.size() - 1));
}

} // namespace polyvirt::test
