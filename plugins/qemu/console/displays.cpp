// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "console/displays.h"

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

// Until when a password is good, in the emulator's words.
Result<std::string> expiry_of(const Graphics& g) {
    if (g.passwd_valid_to.empty()) return std::string("never");
    tm parts{};
    const char* const end = ::strptime(g.passwd_valid_to.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == nullptr || *end != '\0') return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot parse password validity time '{}', expect YYYY-MM-DDTHH:MM:SS", g.passwd_valid_to);
    return fmt::format("{}", ::timegm(&parts));
}

// Over the monitor, so that it is in no command line.
sdk::Task<Status> set_password(RunPtr run, Graphics g) {
    PV_CO_ASSIGN_OR_RETURN(const std::string expiry, expiry_of(g));
    const char* const protocol = g.type == GraphicsType::vnc ? "vnc" : "spice";
    Json password = {{"protocol", protocol}, {"password", g.passwd}};
    if (!g.connected.empty()) password["connected"] = g.connected;
    PV_CO_TRY(co_await run->qmp("set_password", std::move(password)));
    Json expires = {{"protocol", protocol}, {"time", expiry}};
    PV_CO_TRY(co_await run->qmp("expire_password", std::move(expires)));
    co_return Status();
}

} // namespace

// In the start of a guest, before its first instruction: who may come in, and where it listens, which it may have chosen
// itself.
sdk::Task<Status> prepare_displays(RunPtr run) {
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(run->guest()->mu);
        live = run->guest()->live;
    }
    for (std::size_t i = 0; live && i < live->devices.graphics.size(); i++) {
        const Graphics& g = live->devices.graphics[i];
        const bool spice = g.type == GraphicsType::spice;
        if (!spice && g.type != GraphicsType::vnc) continue;
        if (!g.passwd.empty()) PV_CO_TRY(co_await set_password(run, g));
        auto told = co_await run->qmp(spice ? "query-spice" : "query-vnc");
        PV_CO_TRY(told);
        const auto port = port_of(*told, spice ? "port" : "service"), tls_port = spice ? port_of(*told, "tls-port") : std::nullopt;
        const ObjectLock lock(run->guest()->mu);
        run->driver().edit_live(*run->guest(), [&](Domain& d) {
            if (i >= d.devices.graphics.size()) return;
            if (port) d.devices.graphics[i].port = *port;
            if (tls_port) d.devices.graphics[i].tls_port = *tls_port;
        });
    }
    co_return Status();
}

void on_viewer(const Run& run, const QmpEvent& event, std::int32_t phase) {
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
    const ObjectLock lock(run.guest()->mu);
    if (run.guest()->live) run.driver().post_event(*run.guest(), PV_EVENT_DOMAIN_GRAPHICS, &payload);
}

} // namespace polyvirt::qemu
