// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "settings.h"

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <dlfcn.h>

#include "base/error_text.h"

namespace polyvirt::storage {
namespace {

std::optional<std::string> text_of(const plugin::Services& s, const char* key) {
    std::string buffer(4096, '\0');
    if (s.config->get(s.host, key, buffer.data(), static_cast<std::uint32_t>(buffer.size())) != PV_OK) return std::nullopt;
    buffer.resize(std::strlen(buffer.c_str()));
    return buffer;
}

Result<std::int64_t> duration_of(const char* setting, std::string_view text) {
    constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {{"ms", 1'000'000}, {"s", 1'000'000'000}, {"min", 60'000'000'000}};
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
    for (const auto& [name, ns] : kUnits)
        if (error == std::errc() && unit == name && value > 0 && value <= 1'000'000) return value * ns;
    return make_error(ErrorCode::conf_syntax, ErrorDomain::storage,
                      "plugins.storage.{}: found '{}', expected a duration, such as 500ms, 30s or 5min", setting, text);
}

// Installed and in a build tree alike the helper stands beside the plugin.
std::string helper_beside_plugin() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&read_settings), &info) == 0 || info.dli_fname == nullptr) return {};
    const std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/') + 1) + "storage-helper";
}

} // namespace

Result<Settings> read_settings(const plugin::Services& s) {
    Settings r;
    if (const auto text = text_of(s, "deadline")) {
        PV_ASSIGN_OR_RETURN(r.deadline_ns, duration_of("deadline", *text));
    }
    r.helper = text_of(s, "helper").value_or(helper_beside_plugin());
    if (!r.helper.starts_with('/'))
        return make_error(ErrorCode::conf_syntax, ErrorDomain::storage, "plugins.storage.helper: found '{}', expected the helper's whole path",
                          r.helper);
    return r;
}

} // namespace polyvirt::storage
