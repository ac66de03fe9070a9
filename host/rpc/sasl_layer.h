// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SaslLayer: the security layer that a SASL mechanism negotiated. Its blocks carry a length of their
// own, which libsasl2 checks against the largest that we announced.

#include <memory>

#include "base/sync.h"
#include "host/rpc/layer.h"

struct sasl_conn;

namespace polyvirt::rpc {

class SaslLayer final : public Layer {
  public:
    // `most`: plain text that the client takes at a time; 0: it did not say.
    SaslLayer(std::shared_ptr<sasl_conn> conn, unsigned most);

    Result<bool> decode(Bytes wire, const Take& take) override PV_EXCLUDES(level_leaf);
    Status encode(Bytes plain, Buffer& wire) override PV_EXCLUDES(level_leaf);
    [[nodiscard]] std::size_t max_plain() const override { return max_plain_; }

  private:
    Mutex mu_{Rank::leaf}; // both directions share what the library keeps of a connection
    const std::shared_ptr<sasl_conn> conn_;
    const std::size_t max_plain_;
};

} // namespace polyvirt::rpc
