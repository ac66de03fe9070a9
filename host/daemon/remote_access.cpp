// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/remote_access.h"

#include <filesystem>

#include "base/error_text.h"
#include "base/log.h"
#include "host/rpc/server.h"

namespace polyvirt::daemon {
namespace {

rpc::AuthMethod method_of(const Config& config, std::string_view setting) {
    const std::string& name = config.text(setting);
    return name == "sasl"     ? rpc::AuthMethod::sasl
           : name == "polkit" ? rpc::AuthMethod::polkit
                              : rpc::AuthMethod::none;
}

// The folder of the system's configuration: /etc, or below --root.
std::string system_folder(const Paths& paths) {
    return std::filesystem::path(paths.host.etc).parent_path().string();
}

rpc::TlsOptions tls_options(const Config& config, const Paths& paths) {
    const auto file = [&](std::string_view setting, const char* usual) {
        const std::string& given = config.text(setting);
        return given.empty() ? system_folder(paths) + usual : given;
    };
    rpc::TlsOptions options;
    options.ca = file("tls.ca", "/pki/CA/cacert.pem");
    options.certificate = file("tls.certificate", "/pki/libvirt/servercert.pem");
    options.key = file("tls.key", "/pki/libvirt/private/serverkey.pem");
    options.crl = file("tls.crl", "/pki/CA/cacrl.pem");
    options.crl_required = !config.text("tls.crl").empty();
    options.verify_client = config.flag("tls.verify_client");
    options.allowed_names = config.list("tls.allowed_names");
    options.ciphers = config.text("tls.ciphers");
    options.ciphersuites = config.text("tls.ciphersuites");
    options.only_1_3 = config.text("tls.min_version") == "1.3";
    return options;
}

rpc::SaslOptions sasl_options(const Config& config, const Paths& paths) {
    rpc::SaslOptions options;
    options.config_dir = config.text("sasl.config_dir");
    // The library knows the system's folder itself, and further ones.
    if (options.config_dir.empty() && system_folder(paths) != "/etc")
        options.config_dir = system_folder(paths) + "/sasl2";
    options.hostname = config.text("sasl.hostname");
    options.mechanisms = config.list("sasl.mechanisms");
    options.sasldb = config.text("sasl.sasldb");
    options.keytab = config.text("sasl.keytab");
    options.allowed_users = config.list("sasl.allowed_users");
    options.min_ssf = static_cast<unsigned>(config.integer("sasl.min_ssf"));
    return options;
}

// An empty list stands for all addresses, which is what the empty address does.
std::vector<std::string> addresses_of(const Config& config, const std::string& section) {
    const auto& list = config.list(section + ".addresses");
    return list.empty() ? std::vector<std::string>{""} : list;
}

Status open_section(const Config& config, rpc::Server& server, const std::string& section,
                    const char* auth, const std::shared_ptr<rpc::TlsContext>& tls) {
    if (!config.flag(section + ".enabled")) return {};
    for (const std::string& address : addresses_of(config, section)) {
        const auto opened = server.add_tcp_listeners(
            {.address = address,
             .port = static_cast<std::uint16_t>(config.integer(section + ".port")),
             .auth = method_of(config, auth),
             .tls = tls,
             .backlog = static_cast<int>(config.integer("listen.unix.backlog")),
             .idle_seconds = static_cast<unsigned>(config.duration("listen.tcp.idle").count() / 1000)});
        if (!opened) return opened.error();
    }
    return {};
}

} // namespace

rpc::AuthMethod unix_auth(const Config& config, bool readonly) {
    return method_of(config, readonly ? "auth.unix_readonly" : "auth.unix");
}

Result<RemoteAccess> RemoteAccess::create(const Config& config, const Paths& paths) {
    RemoteAccess access;
    const bool tcp = config.flag("listen.tcp.enabled"), tls = config.flag("listen.tls.enabled");
    if (tls) {
        PV_ASSIGN_OR_RETURN(access.tls_, rpc::TlsContext::create(tls_options(config, paths)));
    }
    using rpc::AuthMethod;
    if ((tcp && method_of(config, "auth.tcp") == AuthMethod::sasl) ||
        (tls && method_of(config, "auth.tls") == AuthMethod::sasl) ||
        unix_auth(config, false) == AuthMethod::sasl || unix_auth(config, true) == AuthMethod::sasl) {
        PV_ASSIGN_OR_RETURN(access.sasl_, rpc::SaslService::create(sasl_options(config, paths)));
        rpc::SaslService::keep_until_exit(access.sasl_);
    }
    if (tcp && method_of(config, "auth.tcp") == AuthMethod::none)
        log::warning("daemon", "auth.tcp is none: whoever reaches the TCP port owns this host");
    return access;
}

Status RemoteAccess::open(const Config& config, rpc::Server& server) const {
    PV_TRY(open_section(config, server, "listen.tcp", "auth.tcp", nullptr));
    return open_section(config, server, "listen.tls", "auth.tls", tls_);
}

Result<std::function<void()>> RemoteAccess::prepare(const Config& config, const Paths& paths) const {
    std::function<void()> use_tls = [] {};
    if (tls_) {
        PV_ASSIGN_OR_RETURN(use_tls, tls_->prepare(tls_options(config, paths)));
    }
    return std::function<void()>([sasl = sasl_, users = config.list("sasl.allowed_users"), use_tls] {
        if (sasl) sasl->set_allowed_users(users);
        use_tls();
    });
}

} // namespace polyvirt::daemon
