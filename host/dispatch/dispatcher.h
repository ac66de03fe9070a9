// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Dispatcher: what gives a call its meaning. It checks program, procedure, authentication, connection
// and permission, then lets the host answer (host_table.h) or enters the driver through the generated
// glue. One for all servers of the daemon; rpc calls it as its Handler.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "host/access/control.h"
#include "host/dispatch/admin_hooks.h"
#include "host/dispatch/call_log.h"
#include "host/dispatch/call_stats.h"
#include "host/dispatch/deadlines.h"
#include "host/dispatch/event_hub.h"
#include "host/dispatch/loop_lag.h"
#include "host/plugin/manager.h"
#include "host/rpc/handler.h"

namespace polyvirt::rpc {
class SaslService;
class Server;
}

namespace polyvirt::dispatch {

struct DispatcherOptions {
    std::uint64_t reported_version = 9'000'000; // major * 1,000,000 + minor * 1,000 + micro
    std::string call_log;                       // path, empty = none
    std::string version;                        // the daemon's own
    std::string machine_root = {};              // below which a test's machine has its proc and sys; empty: this one
};

// How polkit is asked whether a client may connect.
struct PolkitLogin {
    std::chrono::milliseconds deadline{60'000};
    bool interactive = true; // it may ask the user
};

class Dispatcher final : public rpc::Handler {
  public:
    explicit Dispatcher(DispatcherOptions options);

    // Before any client is served. All outlive the last call.
    void set_plugins(plugin::PluginManager& plugins);
    void add_server(rpc::Server& server) { servers_.push_back(&server); }
    void set_sasl(std::shared_ptr<rpc::SaslService> sasl) { sasl_ = std::move(sasl); }
    void set_admin_hooks(AdminHooks& hooks) { admin_hooks_ = &hooks; }

    std::shared_ptr<rpc::Session> client_arrived(rpc::Client& client) override;
    void client_authenticated(rpc::Client& client) override;
    bool is_priority(const rpc::Header& header) override;
    bool answer_quickly(const std::shared_ptr<rpc::Client>& client, rpc::Message& message) override;
    void handle_call(std::shared_ptr<rpc::Client> client, rpc::Message message) override PV_NO_LOCKS_HELD;
    void client_closed(rpc::Client& client) override;
    bool client_gone_quickly(const std::shared_ptr<rpc::Client>& client) override;
    void client_gone(std::shared_ptr<rpc::Client> client) override;

    [[nodiscard]] plugin::PluginManager& plugins() { return *plugins_; }
    [[nodiscard]] EventHub& events() { return hub_; }
    [[nodiscard]] Deadlines& deadlines() { return deadlines_; }
    [[nodiscard]] AdminHooks& admin_hooks() { return *admin_hooks_; }
    // A call was answered: into the call log and the statistics. `arrived_ns` by the steady clock.
    void answered(const protocol::ProcInfo& proc, const Error* error, std::int64_t arrived_ns);
    [[nodiscard]] const CallStats& call_stats() const { return call_stats_; }
    [[nodiscard]] LoopLag& loop_lag() { return loop_lag_; }
    // Before any client is served: whom clients of sockets with polkit are judged by, and (perhaps) calls.
    void set_polkit(std::shared_ptr<access::Authority> polkit, PolkitLogin login);
    // Null: not set up.
    [[nodiscard]] const std::shared_ptr<access::Authority>& polkit() const { return polkit_; }
    [[nodiscard]] const PolkitLogin& polkit_login() const { return polkit_login_; }
    // Which permissions are enforced; none until somebody says so. While something is, no call that
    // needs a permission is answered on rpc-loop.
    [[nodiscard]] access::Control& access() { return access_; }
    // Null: not set up.
    [[nodiscard]] rpc::SaslService* sasl() const { return sasl_.get(); }
    [[nodiscard]] const DispatcherOptions& options() const { return options_; }
    [[nodiscard]] const std::vector<rpc::Server*>& servers() const { return servers_; }

  private:
    [[nodiscard]] std::shared_ptr<plugin::Instance> open_known(const rpc::Client& client, rpc::Message& message);
    void let_go(const std::shared_ptr<rpc::Client>& client);

    const DispatcherOptions options_;
    CallLog call_log_;
    CallStats call_stats_;
    LoopLag loop_lag_;
    std::shared_ptr<access::Authority> polkit_;
    PolkitLogin polkit_login_;
    access::Control access_;
    EventHub hub_{access_};
    Deadlines deadlines_;
    plugin::PluginManager* plugins_ = nullptr;
    std::vector<rpc::Server*> servers_;
    std::shared_ptr<rpc::SaslService> sasl_;
    AdminHooks no_hooks_;
    AdminHooks* admin_hooks_ = &no_hooks_;
};

// Whether a procedure leads to an op that one of `instances` has, or to an answer of the host. For the
// report of what there is.
bool is_implemented(const protocol::ProcInfo& proc,
                    const std::vector<std::shared_ptr<plugin::Instance>>& instances);

} // namespace polyvirt::dispatch
