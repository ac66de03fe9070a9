// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// TlsContext: certificates, key and rules of the TLS listeners. Its files are read by create() and
// reload() alone; connections that began before a reload go on with what they began with.
//
//     PV_ASSIGN_OR_RETURN(const auto tls, TlsContext::create(options));
//     ...
//     PV_TRY(tls->reload());     // on error everything stays as it was

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/sync.h"
#include "host/rpc/tls_options.h"

namespace polyvirt::rpc {

class TlsSession;
struct TlsMaterial; // what was read; shared with the connections that use it

class TlsContext : public std::enable_shared_from_this<TlsContext> {
  public:
    // Reads files: not on rpc-loop. The error names the file, what is wrong with it (missing,
    // unreadable, not PEM, not yet or no longer valid, a key that others may read or that belongs to
    // another certificate, a certificate that the CA did not sign) and what was expected.
    static Result<std::shared_ptr<TlsContext>> create(TlsOptions options);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // Any thread but rpc-loop. Reads the files anew; with other options, those.
    Status reload() PV_EXCLUDES(level_leaf);
    Status reload(TlsOptions options) PV_EXCLUDES(level_leaf);
    // The same in two steps: what it returns takes effect when called, and cannot fail.
    Result<std::function<void()>> prepare(TlsOptions options);
    [[nodiscard]] TlsOptions options() const PV_EXCLUDES(level_leaf);

    // Any thread; reads nothing. Null: no memory.
    [[nodiscard]] std::unique_ptr<TlsSession> new_session() const PV_EXCLUDES(level_leaf);

  private:
    TlsContext() = default;
    mutable Mutex mu_{Rank::leaf};
    std::shared_ptr<const TlsMaterial> material_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::rpc
