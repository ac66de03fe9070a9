// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What survives the daemon: descriptions, which of them start by themselves, what is active. And the start that finds
// all of it again. What cannot be read is set aside by name; the rest goes on.

#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "sdk/settings.h"
#include "sdk/traffic.h"
#include "up/link.h"
#include "up/ruleset.h"
#include "up/server.h"

namespace polyvirt::network {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr const char* kStarting = "starting";
constexpr const char* kActive = "active";
constexpr const char* kDefaultMade = "default-made";
constexpr std::string_view kDefault = "<network><name>default</name><forward mode='nat'/>"
                                      "<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range "
                                      "start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>";

// "NAME.suffix" -> NAME; empty if it is something else's.
std::string stem(const std::string& record, std::string_view suffix) {
    const std::size_t slash = record.rfind('/'); // a folder's are listed with or without its name
    const std::string name = slash == std::string::npos ? record : record.substr(slash + 1);
    if (name.size() <= suffix.size() || !name.ends_with(suffix)) return {};
    return name.substr(0, name.size() - suffix.size());
}

struct ActiveRecord {
    bool active = false;
    Document document;
    std::vector<doc::Port> ports;
};

Result<ActiveRecord> parse_status(std::string_view text) {
    const auto bad = [](std::string_view what) {
        return make_error(ErrorCode::internal_error, ErrorDomain::network, "status record: {}", what);
    };
    const Json j = Json::parse(text, nullptr, false);
    if (!j.is_object() || j.value("version", Json()) != kVersion) return bad("no JSON object of version 1");
    const auto xml = j.find("xml"), phase = j.find("phase"), ports = j.find("ports");
    if (xml == j.end() || !xml->is_string() || phase == j.end() || !phase->is_string())
        return bad("'xml' and 'phase' are not texts");
    PV_ASSIGN_OR_RETURN(doc::ParsedNetwork network, doc::parse_network(xml->get<std::string>()));
    ActiveRecord s;
    s.active = *phase == kActive;
    network.value.connections.reset();
    s.document = std::make_shared<const doc::Network>(std::move(network.value));
    if (ports != j.end() && ports->is_array()) {
        for (const Json& p : *ports) {
            if (!p.is_string()) return bad("'ports' is not a list of texts");
            PV_ASSIGN_OR_RETURN(doc::ParsedPort port, doc::parse_port(p.get<std::string>()));
            s.ports.push_back(std::move(port.value));
        }
    }
    return s;
}

} // namespace

Status Driver::save_status(const NetPtr& net, pv_call* call) const {
    Document document;
    bool active = false;
    Json ports = Json::array();
    {
        const ObjectLock lock(net->mu);
        active = net->live != nullptr;
        document = active ? net->live : net->walled;
        for (const auto& [uuid, port] : net->ports) ports.push_back(doc::format_port(port->document));
    }
    if (!document) return statuses_.remove(status_record(net->name));
    const Json j = {{"version", kVersion},           {"name", net->name},
                    {"uuid", net->uuid.to_string()}, {"phase", active ? kActive : kStarting},
                    {"ports", std::move(ports)},     {"xml", doc::format_network(*document)}};
    return statuses_.put(status_record(net->name), j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", call);
}

Status Driver::start(pv_call*, std::uint32_t) {
    // Not in the constructor: create() acquires nothing.
    loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "network");
    events_ = plugin::EventQueue(s_, "network");
    if (!loop_ || !events_)
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
                          "the host has no loop or event queue for the driver");
    load_configs();
    load_autostart();
    load_statuses();
    make_default();
    if (const Status watched = firewall_.watch(loop_, [this] { walls_touched(); }); !watched)
        log::info("startup", "{}", watched.error().message);
    bool walls = false;
    for (const NetPtr& net : nets_.all()) {
        const ObjectLock lock(net->mu);
        walls = walls || (net->walled && wants_rules(*net->walled));
    }
    if (!walls)
        walls_touched(); // of a daemon that ended while it took them away
    else if (const Status written = write_walls(nullptr); !written)
        log::error("startup", "{}", written.error().message);
    autostart_networks();
    return {};
}

// Networks go on; their records say all that the next daemon must know.
void Driver::stop(std::uint32_t) {
    firewall_.unwatch();
    for (const NetPtr& net : nets_.all()) forget_server(net);
}

void Driver::load_configs() {
    const Status read =
        configs_.each("", [this](const std::string& name, std::string_view xml) { load_config(name, xml); });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_config(const std::string& name, std::string_view xml) {
    const std::string net_name = stem(name, ".xml");
    if (net_name.empty()) return;
    auto parsed = doc::parse_network(xml);
    if (!parsed) return configs_.set_aside(name, parsed.error().message);
    if (parsed->value.name != net_name)
        return configs_.set_aside(name,
                                  fmt::format("it describes the network '{}', not '{}'", parsed->value.name, net_name));
    const auto net = std::make_shared<Net>(*parsed->value.uuid, net_name);
    {
        const ObjectLock lock(net->mu);
        net->config = std::make_shared<const doc::Network>(std::move(parsed->value));
        keep_bridges(*net);
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = PV_ATTR_PERSISTENT;
    const auto added = nets_.add(net, nullptr, desc);
    if (added) return;
    bridges_.keep(net->uuid, {});
    configs_.set_aside(name, added.error().message);
}

void Driver::load_autostart() {
    const Status read = configs_.each("autostart", [this](const std::string& record, std::string_view text) {
        const auto uuid = Uuid::parse(text.substr(0, text.find('\n')));
        const NetPtr net = uuid ? nets_.find(*uuid) : nullptr;
        if (!net || net->name != stem(record, ".xml")) {
            log::warning("startup", "autostart record '{}' belongs to no network", record);
            return;
        }
        const ObjectLock lock(net->mu);
        net->autostart = true;
        show(*net);
    });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_statuses() {
    const Status read =
        statuses_.each("", [this](const std::string& name, std::string_view text) { load_status(name, text); });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_status(const std::string& name, std::string_view text) {
    const std::string net_name = stem(name, ".json");
    if (net_name.empty()) return;
    auto record = parse_status(text);
    if (!record) return statuses_.set_aside(name, record.error().message);
    const Document live = record->document;
    if (live->name != net_name)
        return statuses_.set_aside(name, fmt::format("it is of the network '{}', not '{}'", live->name, net_name));
    pv_obj_desc desc{};
    desc.dom_id = -1;
    auto added = nets_.add(std::make_shared<Net>(*live->uuid, net_name), nullptr, desc);
    if (!added) return statuses_.set_aside(name, added.error().message);
    const NetPtr net = added->object;
    Status adopted;
    if (record->active) adopted = adopt(net, live);
    if (record->active && adopted) {
        for (doc::Port& port : record->ports) {
            std::uint64_t handle = 0;
            if (const Status published = publish_port(nullptr, net, std::move(port), handle); !published)
                log::error("startup", "{}", published.error().message);
        }
        log::info("startup", "network '{}' is managed again", net_name);
        return;
    }
    if (live->owns_bridge()) {
        stop_server(server_files(s_, *live));
        if (has_bridge(*live)) (void)remove_bridge(*live);
    }
    log::warning("startup", "network '{}': {}; what it had made is removed", net_name,
                 adopted ? "its start was cut off when the daemon ended" : adopted.error().message);
    end_network(net);
    settle(net);
}

Status Driver::adopt(const NetPtr& net, const Document& live) {
    if (live->owns_bridge() && !has_bridge(*live)) {
        log::warning("startup", "network '{}': its bridge '{}' is gone; it is made anew", net->name,
                     live->bridge->name);
        PV_TRY(make_bridge(*live));
        if (live->bandwidth) PV_TRY(sdk::limit_traffic(s_, live->bridge->name, *live->bandwidth));
    }
    if (wants_server(*live) && server_pid(server_files(s_, *live)) == 0) {
        log::warning("startup", "network '{}': nobody answers for its addresses; dnsmasq is started again", net->name);
        PV_TRY(start_server(s_, nullptr, *live));
    }
    auto functions = find_functions(*live); // no new ports without them; those that there are go on
    if (!functions) log::warning("startup", "network '{}': {}", net->name, functions.error().message);
    {
        const ObjectLock lock(net->mu);
        if (functions) net->functions = *std::move(functions);
        net->live = live;
        net->walled = live;
        keep_bridges(*net);
        show(*net);
    }
    watch_server(net);
    return {};
}

// A host that never had a network gets one to begin with, as users expect it; not started. Whoever removes it has
// removed it.
void Driver::make_default() {
    bool wanted = true;
    if (const Status read = sdk::SettingsReader(s_, "network").take("default_network", wanted); !read)
        log::error("startup", "{}", read.error().message);
    if (!wanted) return;
    const auto made = data_.get(kDefaultMade, 100);
    if (!made || *made || !nets_.all().empty() || ::geteuid() != 0) return;
    auto parsed = doc::parse_network(kDefault);
    if (!parsed) return log::error("startup", "{}", parsed.error().message);
    Status done = complete(parsed->value);
    const std::string text = doc::format_network(parsed->value, {.inactive = true});
    if (done) done = configs_.put(config_record(parsed->value.name), text);
    if (done) done = data_.put(kDefaultMade, "1\n");
    if (!done) return log::error("startup", "the network 'default' cannot be made: {}", done.error().message);
    load_config(config_record(parsed->value.name), text);
}

} // namespace polyvirt::network
