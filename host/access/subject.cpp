// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/subject.h"

#include <fmt/core.h>

namespace polyvirt::access {

std::string Subject::to_string() const {
    std::string text;
    const auto add = [&text](const std::string& part) { text += text.empty() ? part : ", " + part; };
    if (uid >= 0) add(fmt::format("uid {}", uid));
    if (!sasl_user.empty()) add(fmt::format("sasl user '{}'", sasl_user));
    if (!x509_dname.empty()) add(fmt::format("certificate '{}'", x509_dname));
    return text.empty() ? "anonymous" : text;
}

std::string Object::to_string() const {
    if (kind == Kind::connect || !known) return "";
    if (!name.empty()) return fmt::format("{} '{}'", kind_name(kind), name);
    if (!uuid.is_nil()) return fmt::format("{} {}", kind_name(kind), uuid.to_string());
    return fmt::format("a {} without a name", kind_name(kind));
}

} // namespace polyvirt::access
