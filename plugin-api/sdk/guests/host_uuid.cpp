// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/host_uuid.h"

#include "base/log.h"

namespace polyvirt::sdk {

Uuid own_host_uuid(const Records& records) {
    constexpr const char* kName = "host_uuid";
    if (const auto text = records.get(kName, 100); text && *text) {
        if (const auto uuid = Uuid::parse(std::string_view(**text).substr(0, 36))) return *uuid;
    }
    const Uuid fresh = Uuid::random();
    if (const Status put = records.put(kName, fresh.to_string() + "\n"); !put)
        log::warning("capabilities", "{}", put.error().message);
    return fresh;
}

} // namespace polyvirt::sdk
