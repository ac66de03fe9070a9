// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Session: what dispatch keeps of one client: the driver connection that it opened, whether it is
// read-only, and the calls that must be told when it leaves. Made when the client arrives, destroyed
// with it. Any thread; its lock is a leaf.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/sync.h"
#include "host/access/control.h"
#include "host/dispatch/denial_log.h"
#include "host/plugin/call.h"
#include "host/rpc/client.h"
#include "host/rpc/handler.h"
#include "host/rpc/sasl.h"

namespace polyvirt::dispatch {

class Session final : public rpc::Session, public std::enable_shared_from_this<Session> {
  public:
    explicit Session(rpc::Client& client);

    // The driver connection. A second open is an error, as the wire has it.
    [[nodiscard]] Status open(std::shared_ptr<plugin::Instance> instance, std::string uri, bool readonly);
    void close();
    [[nodiscard]] std::shared_ptr<plugin::Instance> instance() const;
    [[nodiscard]] std::string uri() const;
    [[nodiscard]] bool readonly() const { return caller()->readonly; }
    // Changes when open() asks for a read-only connection, and with set_caller().
    [[nodiscard]] std::shared_ptr<const plugin::Caller> caller() const;
    // The client speaks for somebody else from its next call on.
    void set_caller(plugin::Caller caller);

    // What is enforced, as this client (whose session this is) sees it; null: nothing is. Not before it has
    // authenticated, as that is part of who it is. May read /proc.
    [[nodiscard]] std::shared_ptr<const access::Viewer> viewer(const access::Control& control,
                                                               const rpc::Client& client);
    [[nodiscard]] DenialLog& denials() { return denials_; }

    // Calls that end with their client: cancelled by cancel_all(), on any thread.
    void watch(std::weak_ptr<plugin::Call> call, const plugin::Call* key);
    void unwatch(const plugin::Call* key);
    void cancel_all();

    // ---- authentication
    // The client's identity is complete: calls from now on have it.
    void identified(rpc::Client& client);
    // The SASL exchange that goes on. Whoever takes it puts it back, or not when it is over; an
    // empty one may mean that another call of this client has it.
    [[nodiscard]] std::unique_ptr<rpc::SaslSession> take_sasl();
    void put_sasl(std::unique_ptr<rpc::SaslSession> exchange);
    // Returns how many have failed so far, this one included.
    unsigned sasl_failed();
    // The client has, or had, an event registration (set on the events thread).
    void set_subscribed() { subscribed_.store(true, std::memory_order_release); }
    [[nodiscard]] bool subscribed() const { return subscribed_.load(std::memory_order_acquire); }

  private:
    std::atomic<bool> subscribed_{false};
    mutable Mutex mu_{Rank::leaf};
    std::shared_ptr<plugin::Instance> instance_ PV_GUARDED_BY(mu_);
    std::string uri_ PV_GUARDED_BY(mu_);
    std::shared_ptr<const plugin::Caller> caller_ PV_GUARDED_BY(mu_);
    std::unordered_map<const plugin::Call*, std::weak_ptr<plugin::Call>> calls_ PV_GUARDED_BY(mu_);
    std::shared_ptr<const access::Viewer> viewer_ PV_GUARDED_BY(mu_);
    DenialLog denials_;
    std::unique_ptr<rpc::SaslSession> sasl_ PV_GUARDED_BY(mu_);
    unsigned sasl_failures_ PV_GUARDED_BY(mu_) = 0;
    bool spoken_for_ PV_GUARDED_BY(mu_) = false;
};

} // namespace polyvirt::dispatch
