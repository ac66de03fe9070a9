// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/sasl_layer.h"

#include <algorithm>

#include <sasl/sasl.h>

#include "base/error_text.h"

namespace polyvirt::rpc {
namespace {

constexpr unsigned kMost = 65'536;

Error broken(sasl_conn_t* conn, std::string_view what) {
    return make_error(ErrorCode::rpc, ErrorDomain::rpc, "SASL: cannot {}: {}", what,
                      sasl_errdetail(conn));
}

} // namespace

SaslLayer::SaslLayer(std::shared_ptr<sasl_conn> conn, unsigned most)
    : conn_(std::move(conn)), max_plain_(most == 0 ? kMost : std::min(most, kMost)) {}

// What sasl_decode() gives out stays valid until it is called again, and only this thread calls it.
Result<bool> SaslLayer::decode(Bytes wire, const Take& take) {
    const char* plain = nullptr;
    unsigned size = 0;
    {
        LeafLock lock(mu_);
        if (sasl_decode(conn_.get(), reinterpret_cast<const char*>(wire.data()),
                        static_cast<unsigned>(wire.size()), &plain, &size) != SASL_OK)
            return broken(conn_.get(), "decode what the client sent");
    }
    if (size != 0)
        take(Bytes(reinterpret_cast<const std::uint8_t*>(plain), size));
    return true;
}

Status SaslLayer::encode(Bytes plain, Buffer& wire) {
    const char* encoded = nullptr;
    unsigned size = 0;
    LeafLock lock(mu_);
    if (sasl_encode(conn_.get(), reinterpret_cast<const char*>(plain.data()),
                    static_cast<unsigned>(plain.size()), &encoded, &size) != SASL_OK)
        return broken(conn_.get(), "encode");
    wire.insert(wire.end(), encoded, encoded + size);
    return {};
}

} // namespace polyvirt::rpc
