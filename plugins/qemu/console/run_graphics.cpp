// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A run's displays: where the emulator listens, who may come in, who comes and goes.

#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

#include "base/error_text.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Graphics;
using sdk::domain::GraphicsType;

// A port as VNC's and SPICE's figures have it: text, or a number.
std::optional<std::int32_t> port_of(const Json& object, const char* key) {
    if (!object.is_object()) return std::nullopt;
    const auto it = object.find(key);
    if (it == object.end()) return std::nullopt;
    if (it->is_number_unsigned()) return it->get<std::uint64_t>() <= 65535 ? std::optional(it->get<std::int32_t>()) : std::nullopt;
    if (!it->is_string()) return std::nullopt;
    const auto& text = it->get_ref<const std::string&>();
    std::int32_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535 ? std::optional(port) : std::nullopt;
}

std::int32_t family_of(const std::string& name) {
    return name == "ipv6" ? PV_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV6 : name == "unix" ? PV_DOMAIN_EVENT_GRAPHICS_ADDRESS_UNIX : PV_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV4;
}

// One end of a viewer's connection; SPICE says port where VNC says service.
struct ViewerEnd {
    std::int32_t family;
    std::string node, service;
    explicit ViewerEnd(const Json& data)
        : family(family_of(text_of(data, "family"))), node(text_of(data, "host")),
          service(data.is_object() && data.contains("port") ? text_of(data, "port") : text_of(data, "service")) {}
};

const Json& member(const Json& object, const char* key) {
    static const Json kNone;
    return object.is_object() && object.contains(key) ? object.find(key).value() : kNone;
}

// Until when a password is good, in the emulator's words.
Result<std::string> expiry_of(const Graphics& g) {
    if (g.passwd_valid_to.empty()) return std::string("never");
    tm parts{};
    const char* const end = ::strptime(g.passwd_valid_to.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == nullptr || *end != '\0') return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot parse password validity time '{}', expect YYYY-MM-DDTHH:MM:SS", g.passwd_valid_to);
    return fmt::format("{}", ::timegm(&parts));
}

} // namespace

// What is to be told the emulator before anybody can come in, one command after another.
Result<std::vector<Run::Command>> Run::graphics_commands() const {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest_->mu);
        live = guest_->live;
    }
    std::vector<Command> list;
    for (const Graphics& g : live ? live->devices.graphics : std::vector<Graphics>()) {
        if (g.passwd.empty() || (g.type != GraphicsType::vnc && g.type != GraphicsType::spice)) continue;
        const char* const protocol = g.type == GraphicsType::vnc ? "vnc" : "spice";
        PV_ASSIGN_OR_RETURN(const std::string expiry, expiry_of(g));
        Json password = {{"protocol", protocol}, {"password", g.passwd}};
        if (!g.connected.empty()) password["connected"] = g.connected;
        list.push_back({"set_password", std::move(password)});
        list.push_back({"expire_password", {{"protocol", protocol}, {"time", expiry}}});
    }
    return list;
}

void Run::query_graphics() {
    auto commands = graphics_commands();
    if (!commands) return start_refused(commands.error());
    execute_in_turn(std::make_shared<const std::vector<Command>>(*std::move(commands)), 0, [this] { query_display(GraphicsType::vnc); });
}

void Run::execute_in_turn(const std::shared_ptr<const std::vector<Command>>& list, std::size_t at, const std::function<void()>& then) {
    if (at == list->size()) return then();
    monitor_->execute((*list)[at].first, (*list)[at].second, [this, list, at, then](Result<Json> reply) {
        if (!reply) return start_refused(reply.error());
        execute_in_turn(list, at + 1, then);
    });
}

// Where it listens on, which it may have chosen itself.
void Run::query_display(GraphicsType type) {
    const bool spice = type == GraphicsType::spice;
    const auto next = [this, spice] {
        if (spice) prepare();
        else query_display(GraphicsType::spice);
    };
    bool there = false;
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->live)
            for (const Graphics& g : guest_->live->devices.graphics) there = there || g.type == type;
    }
    if (!there) return next();
    monitor_->execute(spice ? "query-spice" : "query-vnc", {}, [this, type, spice, next](Result<Json> reply) {
        if (!reply) return start_refused(reply.error());
        {
            const ObjectLock lock(guest_->mu);
            driver_.edit_live(*guest_, [&](Domain& live) {
                for (Graphics& g : live.devices.graphics) {
                    if (g.type != type) continue;
                    if (const auto port = port_of(*reply, spice ? "port" : "service")) g.port = *port;
                    if (const auto port = port_of(*reply, "tls-port"); spice && port) g.tls_port = *port;
                }
            });
        }
        next();
    });
}

void Run::on_viewer(const QmpEvent& event, std::int32_t phase) {
    const Json &server = member(event.data, "server"), &client = member(event.data, "client");
    const ViewerEnd local(server), remote(client);
    const std::string auth = text_of(server, "auth");
    const std::string dname = text_of(client, "x509_dname"), user = text_of(client, "sasl_username");
    std::vector<pv_event_graphics_identity> subject;
    const auto identify = [&](const char* type, const std::string& name) {
        if (name.empty()) return;
        pv_event_graphics_identity identity{};
        identity.size = sizeof identity;
        identity.type = type;
        identity.name = name.c_str();
        subject.push_back(identity);
    };
    identify("x509dname", dname);
    identify("saslUsername", user);
    pv_event_domain_graphics payload{};
    payload.size = sizeof payload;
    payload.phase = phase;
    payload.local_family = local.family;
    payload.local_node = local.node.c_str();
    payload.local_service = local.service.c_str();
    payload.remote_family = remote.family;
    payload.remote_node = remote.node.c_str();
    payload.remote_service = remote.service.c_str();
    payload.auth_scheme = auth.c_str();
    payload.subject = subject.data();
    payload.nsubject = static_cast<std::uint32_t>(subject.size());
    const ObjectLock lock(guest_->mu);
    if (guest_->live) driver_.post_event(*guest_, PV_EVENT_DOMAIN_GRAPHICS, &payload);
}

} // namespace polyvirt::qemu
