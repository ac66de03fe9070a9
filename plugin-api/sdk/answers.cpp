// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/answers.h"

#include <polyvirt/call.h>

#include "base/error_text.h"

namespace polyvirt::sdk {

Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function, ErrorDomain domain) {
    if ((flags & ~known) == 0) return {};
    // In words of its own, without those of its code.
    return Error{.code = ErrorCode::invalid_arg,
                 .domain = domain,
                 .message = fmt::format("unsupported flags (0x{:x}) in function {}", flags & ~known, function)};
}

pv_status give(const plugin::Services& s, pv_call* call, pv_sink* sink, std::string_view text, ErrorDomain domain) {
    if (plugin::write(s, sink, text)) return PV_OK;
    return plugin::fail(s, call, make_error(ErrorCode::internal_error, domain,
                                            "an answer of {} bytes is more than a reply can carry", text.size()));
}

} // namespace polyvirt::sdk
