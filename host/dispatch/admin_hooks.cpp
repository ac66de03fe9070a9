// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/admin_hooks.h"

#include "base/error_text.h"

namespace polyvirt::dispatch {

Error AdminHooks::unsupported(const char* what) {
    return make_error(ErrorCode::no_support, ErrorDomain::admin, "{}", what);
}

} // namespace polyvirt::dispatch
