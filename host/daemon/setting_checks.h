// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Conditions on settings that are text: each returns nothing, or what was expected. They read nothing but
// the argument and, for names of groups, the system's list of them.

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace polyvirt::daemon {

std::string check_absolute(std::string_view path);    // empty or absolute
std::string check_group(std::string_view group);      // empty, a number, or a group of this system
std::string check_version(std::string_view version);  // MAJOR.MINOR.MICRO
std::string check_metrics_address(std::string_view address); // empty, or metrics::parse_address() takes it
std::string check_socket_name(std::string_view name); // letters, digits, '-', '_'
std::string check_plugin_pattern(std::string_view pattern); // a plugin's name, or a pattern of such
std::string check_provider(std::string_view choice);  // KIND=PLUGIN, KIND as manifests have it
std::string check_scheme(std::string_view choice);    // SCHEME=PLUGIN

// Name or number; nothing if there is no such group.
std::optional<gid_t> group_id(std::string_view group);
// major * 1,000,000 + minor * 1,000 + micro; nothing if it is none.
std::optional<std::uint64_t> version_number(std::string_view version);

} // namespace polyvirt::daemon
