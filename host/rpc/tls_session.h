// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// TlsSession: the server's side of one TLS connection. It reads and writes memory only; its client
// moves the bytes.
//
// First the handshake, by one thread at a time (rpc-loop feeds and takes, a worker steps). Once
// step() said `done` it is a Layer.

#include <memory>
#include <string>

#include "base/sync.h"
#include "host/rpc/layer.h"
#include "host/rpc/tls_context.h"

namespace polyvirt::rpc {

class TlsSession final : public Layer {
  public:
    explicit TlsSession(std::shared_ptr<const TlsMaterial> material);
    ~TlsSession() override;
    [[nodiscard]] bool usable() const; // false: there was no memory for it

    enum class Progress { more, done, failed };
    // Computes for milliseconds: not on rpc-loop. `more`: wants further bytes of the client. `done`
    // includes that the client's certificate is good and its name allowed.
    [[nodiscard]] Progress step();
    // Handshake only. False: more than a handshake may have.
    [[nodiscard]] bool feed(Bytes wire);
    // What the client is to get now, also after a failure (an alert).
    [[nodiscard]] Buffer take_output();
    [[nodiscard]] const std::string& failure() const { return failure_; }
    // After `done`.
    [[nodiscard]] const std::string& client_name() const { return client_name_; }
    [[nodiscard]] unsigned secret_bits() const;

    Result<bool> decode(Bytes wire, const Take& take) override PV_EXCLUDES(level_leaf);
    Status encode(Bytes plain, Buffer& wire) override PV_EXCLUDES(level_leaf);
    [[nodiscard]] std::size_t max_plain() const override { return std::size_t{16} << 10; }

  private:
    struct State;
    Progress fail(std::string why);
    Progress check_client();

    const std::shared_ptr<const TlsMaterial> material_;
    Mutex mu_{Rank::leaf}; // OpenSSL takes one thread at a time for a connection
    const std::unique_ptr<State> state_;
    std::size_t fed_ = 0;
    std::string failure_, client_name_;
};

} // namespace polyvirt::rpc
