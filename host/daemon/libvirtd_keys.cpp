// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The keys of libvirtd.conf (libvirt 9.0.0), and what each is here.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/error_text.h"
#include "host/daemon/libvirtd_conf.h"
#include "host/daemon/settings.h"

namespace polyvirt::daemon {
namespace {

constexpr std::string_view kNoAudit = "nothing is written to the system's audit log";
constexpr std::string_view kKeepalive = "a client that does not speak keepalive is served as ever";

std::vector<ConfKey> make_keys() {
    using V = ConfValue;
    return {
        {"listen_tls", V::flag, "listen.tls.enabled", {}, "the default is 0, and no option --listen is needed"},
        {"listen_tcp", V::flag, "listen.tcp.enabled", {}, "no option --listen is needed"},
        {"tls_port", V::same, "listen.tls.port", {}, "a number, no name of a service"},
        {"tcp_port", V::same, "listen.tcp.port", {}, "a number, no name of a service"},
        {"listen_addr", V::same, "listen.tcp.addresses", "listen.tls.addresses"},
        {"unix_sock_group", V::same, "listen.unix.group"},
        {"unix_sock_ro_perms", V::same, "listen.unix.readonly_mode"},
        {"unix_sock_rw_perms", V::same, "listen.unix.mode", {}, "the default is 0700, whatever auth_unix_rw says"},
        {"unix_sock_admin_perms", V::same, "listen.unix.admin_mode"},
        {"unix_sock_dir", V::none, {}, {}, "libvirt's own paths are a matter of listen.drop_in.enabled"},
        {"auth_unix_ro", V::same, "auth.unix_readonly", {}, "the default is none"},
        {"auth_unix_rw", V::same, "auth.unix", {}, "the default is none"},
        {"auth_tcp", V::same, "auth.tcp"},
        {"auth_tls", V::same, "auth.tls"},
        {"tcp_min_ssf", V::same, "sasl.min_ssf"},
        {"access_drivers", V::access, "policy.backend", {}, "polkit, or nop; one of them"},
        {"key_file", V::same, "tls.key"},
        {"cert_file", V::same, "tls.certificate"},
        {"ca_file", V::same, "tls.ca"},
        {"crl_file", V::same, "tls.crl"},
        {"tls_no_sanity_certificate", V::none, {}, {}, "certificates are checked when they are used, not beforehand"},
        {"tls_no_verify_certificate", V::no_flag, "tls.verify_client"},
        {"tls_allowed_dn_list", V::same, "tls.allowed_names", {},
         "an empty list allows everybody here, nobody there, and so is refused"},
        {"tls_priority", V::none, {}, {}, "a text of another library: tls.min_version, tls.ciphers, tls.ciphersuites"},
        {"sasl_allowed_username_list", V::same, "sasl.allowed_users", {},
         "an empty list allows everybody here, nobody there, and so is refused"},
        {"max_clients", V::same, "limits.max_clients"},
        {"max_queued_clients", V::same, "listen.unix.backlog"},
        {"max_anonymous_clients", V::same, "limits.max_anonymous", {}, "0, no such limit, is refused"},
        {"min_workers", V::same, "workers.min"},
        {"max_workers", V::same, "workers.max"},
        {"prio_workers", V::same, "workers.priority"},
        {"max_requests", V::none, {}, {}, "each client has its own limit"},
        {"max_client_requests", V::same, "limits.max_in_flight", {}, "further calls wait, the client is read on"},
        {"admin_min_workers", V::none, {}, {}, "the priority workers serve the admin socket"},
        {"admin_max_workers", V::none, {}, {}, "the priority workers serve the admin socket"},
        {"admin_max_clients", V::same, "admin_limits.max_clients"},
        {"admin_max_queued_clients", V::none, {}, {}, "max_queued_clients holds for all sockets"},
        {"admin_max_client_requests", V::same, "admin_limits.max_in_flight"},
        {"log_level", V::level, "log.level"},
        {"log_filters", V::words, "log.filters", {}, "names are those of this daemon's categories"},
        {"log_outputs", V::words, "log.outputs"},
        {"log_buffer_size", V::none, {}, {}, "there is no such buffer"},
        {"audit_level", V::none, {}, {}, kNoAudit},
        {"audit_logging", V::none, {}, {}, kNoAudit},
        {"host_uuid", V::none, {}, {}, "the machine's own is told"},
        {"host_uuid_source", V::none, {}, {}, "the machine's own is told"},
        {"keepalive_interval", V::seconds, "keepalive.interval"},
        {"keepalive_count", V::same, "keepalive.count"},
        {"keepalive_required", V::none, {}, {}, kKeepalive},
        {"admin_keepalive_interval", V::seconds, "admin_keepalive.interval"},
        {"admin_keepalive_count", V::same, "admin_keepalive.count"},
        {"admin_keepalive_required", V::none, {}, {}, kKeepalive},
        {"mdns_adv", V::none, {}, {}, "the daemon does not announce itself"},
        {"mdns_name", V::none, {}, {}, "the daemon does not announce itself"},
        {"ovs_timeout", V::none, {}, {}, "no driver of the host speaks to Open vSwitch"},
    };
}

Error wrong(const ConfItem& item, std::string_view wanted) {
    constexpr std::size_t kShown = 80;
    const std::string found = item.is_list          ? "a list"
                              : item.values.empty() ? "nothing"
                                                    : "'" + item.values.front().text.substr(0, kShown) + "'";
    return make_error(ErrorCode::conf_syntax, ErrorDomain::conf, "{}: found {}, expected {}", item.name, found, wanted);
}

using Texts = std::vector<std::string>;

Result<Texts> as_it_is(const ConfKey& key, const ConfItem& item) {
    const Setting* setting = find_setting(key.setting);
    const bool takes_lists = setting != nullptr && setting->kind == Kind::list;
    if (item.is_list && !takes_lists) return wrong(item, "a single value");
    // What decides who comes in: a list that is read as "everybody" must not have meant "nobody".
    if (item.is_list && item.values.empty()) return wrong(item, "at least one element; without the key, all are allowed");
    Texts out;
    for (const ConfScalar& value : item.values) {
        if (value.is_number && setting != nullptr && (setting->kind == Kind::mode || setting->kind == Kind::list))
            return wrong(item, setting->kind == Kind::mode ? "a text in quotes, such as \"0770\"" : "texts in quotes");
        out.push_back(value.text);
    }
    return out;
}

Result<Texts> as_access(const ConfItem& item) {
    if (item.values.empty()) return Texts{};
    if (item.values.size() == 1) {
        const std::string& name = item.values.front().text;
        if (name == "polkit") return Texts{"polkit"};
        if (name == "nop" || name == "none") return Texts{"none"};
    }
    return wrong(item, R"([ "polkit" ] or [ "nop" ])");
}

// One number that the mapping itself looks at.
Result<Texts> as_number(const ConfKey& key, const ConfItem& item) {
    static constexpr std::array<std::string_view, 5> kLevels = {"", "debug", "info", "warning", "error"};
    const std::string& text = item.values.front().text;
    switch (key.value) {
    case ConfValue::flag:
    case ConfValue::no_flag:
        if (text != "0" && text != "1") return wrong(item, "0 or 1");
        return Texts{(text == "1") == (key.value == ConfValue::flag) ? "true" : "false"};
    case ConfValue::seconds: return Texts{text == "-1" ? "0s" : text + "s"};
    default:
        if (text.size() != 1 || text[0] < '1' || text[0] > '4') return wrong(item, "an integer from 1 to 4");
        return Texts{std::string(kLevels[static_cast<std::size_t>(text[0] - '0')])};
    }
}

Texts words_of(std::string_view text) {
    Texts out;
    while (true) {
        const std::size_t begin = text.find_first_not_of(" \t\n");
        if (begin == std::string_view::npos) return out;
        const std::size_t end = std::min(text.find_first_of(" \t\n", begin), text.size());
        out.emplace_back(text.substr(begin, end - begin));
        text.remove_prefix(end);
    }
}

} // namespace

const std::vector<ConfKey>& conf_keys() {
    static const std::vector<ConfKey> keys = make_keys();
    return keys;
}

const ConfKey* find_conf_key(std::string_view name) {
    const auto& keys = conf_keys();
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const ConfKey& key) { return key.name == name; });
    return found != keys.end() ? &*found : nullptr;
}

std::string_view similar_conf_key(std::string_view name) {
    std::string_view best;
    std::size_t least = 3; // further away it is no slip
    for (const ConfKey& key : conf_keys()) {
        const std::size_t away = edit_distance(name.substr(0, 64), key.name);
        if (away >= least) continue;
        least = away;
        best = key.name;
    }
    return best;
}

Result<std::vector<std::string>> convert_conf(const ConfKey& key, const ConfItem& item) {
    switch (key.value) {
    case ConfValue::none: return Texts{};
    case ConfValue::same: return as_it_is(key, item);
    case ConfValue::access: return as_access(item);
    case ConfValue::words:
        if (item.is_list || item.values.front().is_number) return wrong(item, "one text in quotes, with blanks between");
        return words_of(item.values.front().text);
    default:
        if (item.is_list || !item.values.front().is_number) return wrong(item, "an integer");
        return as_number(key, item);
    }
}

std::string conf_keys_markdown() {
    std::string out = "| key | setting | |\n|---|---|---|\n";
    for (const ConfKey& key : conf_keys()) {
        std::string setting = key.setting.empty() ? "none" : fmt::format("`{}`", key.setting);
        if (!key.second.empty()) setting += fmt::format(", `{}`", key.second);
        out += fmt::format("| `{}` | {} | {} |\n", key.name, setting, key.note);
    }
    return out;
}

} // namespace polyvirt::daemon
