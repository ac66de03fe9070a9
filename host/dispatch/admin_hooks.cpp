// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/admin_hooks.h"

#include "base/error_text.h"

namespace polyvirt::dispatch {

Error AdminHooks::unsupported(const char* what) {
    return make_error(ErrorCode::no_support, ErrorDomain::admin, "{}", what);
}

// In the peer's words for a server without such a listener.
Status AdminHooks::update_tls(const std::string& /*server*/) {
    return make_error(ErrorCode::internal_error, ErrorDomain::rpc,
                      "no tls service found, unable to update tls files");
}

} // namespace polyvirt::dispatch
