// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// RemoteAccess: TCP and TLS listeners and SASL, from the settings listen.tcp, listen.tls, tls, sasl and
// auth. Made and opened by the leader, before clients are served; reloaded by any thread but rpc-loop.

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "host/daemon/config.h"
#include "host/daemon/paths.h"
#include "host/rpc/identity.h"
#include "host/rpc/sasl.h"
#include "host/rpc/tls_context.h"

namespace polyvirt::rpc {
class Server;
}

namespace polyvirt::daemon {

// What the unix socket's clients must do: auth.unix, auth.unix_readonly.
rpc::AuthMethod unix_auth(const Config& config, bool readonly);

class RemoteAccess {
  public:
    // Reads certificates and sets SASL up, each only if a listener needs it. Errors name what is missing.
    static Result<RemoteAccess> create(const Config& config, const Paths& paths);
    // Null: no listener authenticates that way.
    [[nodiscard]] const std::shared_ptr<rpc::SaslService>& sasl() const { return sasl_; }
    // The TCP and TLS sockets that the configuration asks for.
    Status open(const Config& config, rpc::Server& server) const;
    // For a reload: tls.* and sasl.allowed_users as `config` has them, the files of TLS in any case. Reads
    // now; takes effect when the result is called. On error what worked so far goes on.
    Result<std::function<void()>> prepare(const Config& config, const Paths& paths) const;

  private:
    std::shared_ptr<rpc::TlsContext> tls_;
    std::shared_ptr<rpc::SaslService> sasl_;
};

} // namespace polyvirt::daemon
