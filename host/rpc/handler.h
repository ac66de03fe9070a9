// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Handler: what a Server needs from whoever gives calls a meaning (dispatch). One handler may serve
// several servers; it outlives them. No method is entered with a lock held, none may throw.

#include <memory>

#include "host/rpc/call_place.h"
#include "host/rpc/message.h"

namespace polyvirt::rpc {

class Client;

// The handler's own state of one client. Destroyed with the client, on any thread; it may keep the
// client as a reference, never as a shared_ptr.
class Session {
  public:
    virtual ~Session() = default;
};

class Handler {
  public:
    virtual ~Handler() = default;

    // rpc-loop, before anything is read from the client. The result is client.session() for good.
    [[nodiscard]] virtual std::shared_ptr<Session> client_arrived(Client& client) = 0;

    // Any thread, no lock held: the client's identity is complete, and it is about to count as
    // authenticated. Not for clients that do so from the start.
    virtual void client_authenticated(Client&) {}

    // rpc-loop; cheap. True for procedures whose code never waits: priority workers run them too.
    [[nodiscard]] virtual bool is_priority(const Header& header) = 0;

    // rpc-loop: answers the call here and now and takes `message`, or returns false and leaves it as
    // it is, for a worker. Only for what is answered from memory in a few microseconds: no driver's
    // code, no file, no wait for what is held across a call.
    [[nodiscard]] virtual bool answer_quickly(const std::shared_ptr<Client>& client,
                                              Message& message) {
        (void)client, (void)message;
        return false;
    }

    // On a worker: a packet of type call or call_with_fds, whole, program and procedure unchecked,
    // any status; the client may not be authenticated. Replies with client->reply(), now or later
    // from any thread, and keeps message.slot until then. Calls of one client run in parallel.
    virtual void handle_call(std::shared_ptr<Client> client, Message message) = 0;

    // rpc-loop, must not block: the connection ended (by either side). Calls may still be running:
    // here waits on behalf of this client are told to give up.
    virtual void client_closed(Client& client) = 0;

    // rpc-loop: does what client_gone() would and is told no more of this client, or returns false:
    // then client_gone() follows. Bounds as for answer_quickly().
    [[nodiscard]] virtual bool client_gone_quickly(const std::shared_ptr<Client>& client) {
        (void)client;
        return false;
    }

    // On a worker, at most once per client_arrived, after client_closed and after its last call
    // ended: its registrations and driver connections go now.
    virtual void client_gone(std::shared_ptr<Client> client) = 0;
};

} // namespace polyvirt::rpc
