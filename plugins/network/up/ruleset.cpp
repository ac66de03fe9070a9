// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/ruleset.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace polyvirt::network {
namespace {

using Json = nlohmann::ordered_json;
using sdk::xml::YesNo;

// Rules are looked at in this order; the first two say who may send, the third who may be sent to.
constexpr const char* kForward = "forward";
constexpr const char* kWithin = "within_networks"; // between guests of one bridge
constexpr const char* kFrom = "from_guests";
constexpr const char* kTo = "to_guests";
constexpr const char* kTranslate = "translate";

Json meta(const char* key) { return {{"meta", {{"key", key}}}}; }
Json is(Json left, Json right, const char* op = "==") {
    return {{"match", {{"op", op}, {"left", std::move(left)}, {"right", std::move(right)}}}};
}
Json verdict(const char* what) { return {{what, nullptr}}; }
Json refusal() { return {{"reject", {{"type", "icmpx"}, {"expr", "port-unreachable"}}}}; }

// One address range of a network.
struct Subnet {
    const char* family;
    Json prefix;
    bool translated;
};

std::vector<Subnet> subnets(const doc::Network& network) {
    std::vector<Subnet> list;
    const bool nat = network.mode() == doc::ForwardMode::nat;
    for (const doc::Ip& ip : network.ips) {
        if (!ip.address) continue;
        const unsigned prefix = ip.effective_prefix();
        sdk::xml::IpAddress base = *ip.address;
        for (unsigned bit = prefix; bit < base.bits(); ++bit)
            base.bytes[bit / 8] = static_cast<std::uint8_t>(base.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
        // Addresses of IPv6 are translated on demand alone: there are enough of them.
        const bool nat6 = network.forward && network.forward->nat && network.forward->nat->ipv6 == YesNo::yes;
        list.push_back({base.v6 ? "ip6" : "ip",
                        {{"prefix", {{"addr", base.to_string()}, {"len", prefix}}}},
                        nat && (!base.v6 || nat6)});
    }
    return list;
}

class Transaction {
  public:
    void table(const char* command) { add(command, "table", {{"family", "inet"}, {"name", kTable}}); }
    void chain(const char* name) { add("add", "chain", {{"family", "inet"}, {"table", kTable}, {"name", name}}); }
    void hook(const char* name, const char* type, const char* at, int priority) {
        add("add", "chain",
            {{"family", "inet"},
             {"table", kTable},
             {"name", name},
             {"type", type},
             {"hook", at},
             {"prio", priority},
             {"policy", "accept"}});
    }
    void rule(const char* chain, const std::string& comment, std::initializer_list<Json> expressions) {
        Json list = Json::array();
        for (const Json& e : expressions)
            if (!e.is_null()) list.push_back(e);
        Json value = {{"family", "inet"}, {"table", kTable}, {"chain", chain}, {"expr", std::move(list)}};
        if (!comment.empty()) value["comment"] = comment;
        add("add", "rule", std::move(value));
    }
    std::string take() {
        return Json({{"nftables", std::move(list_)}}).dump(-1, ' ', false, Json::error_handler_t::replace);
    }

  private:
    void add(const char* command, const char* what, Json value) {
        list_.push_back({{command, {{what, std::move(value)}}}});
    }
    Json list_ = Json::array();
};

// A comment holds at most 128 bytes.
std::string shown(const std::string& name) { return name.substr(0, 100); }

void add_forward(Transaction& t, const doc::Network& network) {
    const std::string& bridge = network.bridge->name;
    const std::string name = shown(network.name);
    const std::string out = network.forward ? network.forward->dev : std::string();
    const Json from = is(meta("iifname"), bridge), to = is(meta("oifname"), bridge);
    const Json leaving = out.empty() ? Json() : is(meta("oifname"), out),
               entering = out.empty() ? Json() : is(meta("iifname"), out);
    t.rule(kWithin, name, {from, to, verdict("accept")});
    if (network.mode() != doc::ForwardMode::none) {
        for (const Subnet& s : subnets(network)) {
            const auto field = [&s](const char* which) {
                return Json{{"payload", {{"protocol", s.family}, {"field", which}}}};
            };
            t.rule(kFrom, name, {from, leaving, is(field("saddr"), s.prefix), verdict("return")});
            const Json known =
                s.translated ? is({{"ct", {{"key", "state"}}}}, Json::array({"established", "related"}), "in") : Json();
            t.rule(kTo, name, {to, entering, is(field("daddr"), s.prefix), known, verdict("accept")});
        }
    }
    t.rule(kFrom, name, {from, refusal()});
    t.rule(kTo, name, {to, refusal()});
}

Json translation(const doc::Network& network, bool v6, bool ports) {
    const doc::Nat* const nat = network.forward->nat ? &*network.forward->nat : nullptr;
    Json how = Json::object();
    if (ports) {
        const bool given = nat != nullptr && nat->port && nat->port->start;
        how["port"] = {{"range", given ? Json::array({*nat->port->start, nat->port->end.value_or(*nat->port->start)})
                                       : Json::array({1024, 65535})}};
    }
    if (nat == nullptr || !nat->address || !nat->address->start || v6)
        return {{"masquerade", how.empty() ? Json(nullptr) : how}};
    const std::string start = nat->address->start->to_string(),
                      end = nat->address->end ? nat->address->end->to_string() : start;
    how["family"] = "ip";
    how["addr"] = start == end ? Json(start) : Json{{"range", Json::array({start, end})}};
    return {{"snat", how}};
}

void add_translation(Transaction& t, const doc::Network& network) {
    const std::string name = shown(network.name);
    const Json leaving =
        network.forward && !network.forward->dev.empty() ? is(meta("oifname"), network.forward->dev) : Json();
    for (const Subnet& s : subnets(network)) {
        if (!s.translated) continue;
        const bool v6 = s.family[2] != '\0';
        const auto field = [&s](const char* which) {
            return Json{{"payload", {{"protocol", s.family}, {"field", which}}}};
        };
        const Json ours = is(field("saddr"), s.prefix), away = is(field("daddr"), s.prefix, "!=");
        // What is for everybody on the link stays as it is.
        const Json all = v6 ? Json{{"prefix", {{"addr", "ff02::"}, {"len", 16}}}}
                            : Json{{"prefix", {{"addr", "224.0.0.0"}, {"len", 24}}}};
        t.rule(kTranslate, name, {ours, is(field("daddr"), all), verdict("return")});
        if (!v6) t.rule(kTranslate, name, {ours, is(field("daddr"), "255.255.255.255"), verdict("return")});
        for (const char* protocol : {"tcp", "udp"})
            t.rule(kTranslate, name,
                   {leaving, is(meta("l4proto"), protocol), ours, away, translation(network, v6, true)});
        t.rule(kTranslate, name, {leaving, ours, away, translation(network, v6, false)});
    }
}

} // namespace

bool wants_rules(const doc::Network& network) {
    const doc::ForwardMode mode = network.mode();
    return network.bridge &&
           (mode == doc::ForwardMode::none || mode == doc::ForwardMode::nat || mode == doc::ForwardMode::route);
}

std::string ruleset(const std::vector<Document>& networks) {
    Transaction t;
    // To remove what may not be there it is added first.
    t.table("add");
    t.table("delete");
    if (std::none_of(networks.begin(), networks.end(), [](const Document& d) { return wants_rules(*d); }))
        return t.take();
    t.table("add");
    for (const char* name : {kWithin, kFrom, kTo}) t.chain(name);
    t.hook(kForward, "filter", "forward", 0);
    t.hook(kTranslate, "nat", "postrouting", 100);
    for (const char* name : {kWithin, kFrom, kTo}) t.rule(kForward, "", {{{"jump", {{"target", name}}}}});
    for (const Document& d : networks) {
        if (!wants_rules(*d)) continue;
        add_forward(t, *d);
        if (d->mode() == doc::ForwardMode::nat) add_translation(t, *d);
    }
    return t.take();
}

} // namespace polyvirt::network
