// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SASL, as libsasl2 does it. SaslService: the library, set up for this process (one at a time).
// SaslSession: the server's side of one client's authentication, which leaves a Layer behind if the
// mechanism negotiated one. This and sasl.cpp are the only ones that know the library.
//
//     PV_ASSIGN_OR_RETURN(const auto sasl, SaslService::create(options));
//     PV_ASSIGN_OR_RETURN(auto session, sasl->begin(client.identity()));
//     session->mechanisms(); session->start(mechanism, data); session->step(data); ...
//
// Everything here may read files and ask name servers or key servers: not on rpc-loop. A session is
// used by one thread at a time.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "host/rpc/identity.h"
#include "host/rpc/layer.h"

struct sasl_conn;

namespace polyvirt::rpc {

struct SaslOptions {
    // Where libvirt.conf, the library's own configuration for this service, is looked for; empty:
    // where the system keeps it (/etc/sasl2).
    std::string config_dir;
    // Name of this host in the names of Kerberos services ("libvirt/HOST") and of realms; empty:
    // the system's.
    std::string hostname;
    // These replace what libvirt.conf says; empty: they do not.
    std::vector<std::string> mechanisms; // "SCRAM-SHA-256", "GSSAPI"
    std::string sasldb, keytab;
    // Patterns (fnmatch) of user names of which a client's must fit one; empty: every user.
    std::vector<std::string> allowed_users;
    // Least strength of encryption that the mechanism must bring on a connection in clear text.
    unsigned min_ssf = 56;
};

class SaslSession;

class SaslService {
  public:
    static Result<std::shared_ptr<SaslService>> create(SaslOptions options);
    // For a process that sets SASL up once: the library then stays as it is until the process is gone. Its
    // mechanisms leave memory behind when they are unloaded (2.1.28, 208 bytes), and nobody needs them to be.
    static void keep_until_exit(std::shared_ptr<SaslService> service);
    ~SaslService();
    SaslService(const SaslService&) = delete;
    SaslService& operator=(const SaslService&) = delete;

    // An exchange with the client that `identity` describes.
    Result<std::unique_ptr<SaslSession>> begin(const Identity& identity);
    // Any thread; holds for exchanges that end from now on.
    void set_allowed_users(std::vector<std::string> patterns) PV_EXCLUDES(level_leaf);

    struct State; // of sasl.cpp; sessions keep it

  private:
    explicit SaslService(std::shared_ptr<State> state) : state_(std::move(state)) {}
    const std::shared_ptr<State> state_;
};

class SaslSession {
  public:
    ~SaslSession();
    SaslSession(const SaslSession&) = delete;
    SaslSession& operator=(const SaslSession&) = delete;

    // What the client may choose from, with commas between. An error if there is none.
    Result<std::string> mechanisms();
    // nullopt is "no data", which SASL tells from empty data. After an error the session is useless.
    using Data = std::optional<std::string>;
    struct Step {
        bool complete = false;
        Data data; // for the client
    };
    Result<Step> start(const std::string& mechanism, const Data& from_client);
    Result<Step> step(const Data& from_client);

    // After a complete step.
    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] const std::string& mechanism() const { return mechanism_; }
    [[nodiscard]] unsigned secret_bits() const { return secret_bits_; }
    // Null when no layer was negotiated. The session ends with it.
    [[nodiscard]] std::unique_ptr<Layer> take_layer();

  private:
    friend class SaslService;
    SaslSession(std::shared_ptr<SaslService::State> state, bool secure);
    Status set_security(const Identity& identity);
    Result<Step> take_result(int code, const char* out, unsigned size);
    Status finish();
    [[nodiscard]] Error failed(std::string_view what, int code) const;

    const std::shared_ptr<SaslService::State> state_;
    const bool secure_; // encrypted or local already: no layer is needed
    std::shared_ptr<sasl_conn> conn_;
    std::string offered_, user_, mechanism_;
    unsigned secret_bits_ = 0, steps_ = 0;
};

} // namespace polyvirt::rpc
