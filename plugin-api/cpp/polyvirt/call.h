// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Small bridges between base's types and a call: errors into it, text into its sinks.

#include <string_view>

#include <polyvirt/services.h>

#include "base/result.h"

namespace polyvirt::plugin {

// Runs `use` with the ABI's view of `error`.
template <typename Use> void with_abi_error(const Error& error, Use&& use) {
    const auto text = [](const std::string& s) { return s.empty() ? nullptr : s.c_str(); };
    const pv_error abi{.size = sizeof(pv_error),
                       .code = static_cast<std::int32_t>(error.code),
                       .domain = static_cast<std::int32_t>(error.domain),
                       .level = 2, // the wire's "error"; 1 would be a warning
                       .int1 = error.int1,
                       .int2 = error.int2,
                       .message = error.message.c_str(),
                       .str1 = text(error.str1),
                       .str2 = text(error.str2),
                       .str3 = text(error.str3)};
    use(abi);
}

// Records the error in the call; `call` may be null (start-up).
inline pv_status fail(const Services& s, pv_call* call, const Error& error) {
    if (call != nullptr) with_abi_error(error, [&](const pv_error& e) { s.call->error(call, &e); });
    return PV_FAIL;
}
inline pv_status answer(const Services& s, pv_call* call, const Status& status) {
    return status ? PV_OK : fail(s, call, status.error());
}

// False: over the sink's limit.
inline bool write(const Services& s, pv_sink* sink, std::string_view text) {
    return s.build->write(sink, text.data(), text.size()) == PV_OK;
}

} // namespace polyvirt::plugin
