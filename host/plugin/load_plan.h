// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which of several plugins serves a kind or a URI scheme, and in which order they start: from their manifests
// alone, so that it is known before any of them runs. Plain functions; any thread.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/plugin/load_policy.h"
#include "host/plugin/manifest.h"

namespace polyvirt::plugin {

// Who has what, by id.
struct Claims {
    std::map<std::uint32_t, std::string> kinds; // to connections of other drivers
    std::map<std::string, std::string> schemes;
};

// Adds what `manifest` serves. What another one has already is an error which names both, unless the policy
// chooses one of the two; `claims` is unchanged then.
[[nodiscard]] Status claim(Claims& claims, const Manifest& manifest, const LoadPolicy& policy);

struct StartOrder {
    // Plugins of one level use none of each other, but those of earlier levels.
    std::vector<std::vector<std::string>> levels;
    // Those in a circle of `uses`: id to the circle, "a uses network of b, b uses pool of a".
    std::map<std::string, std::string> circles;
};
// A kind that nobody serves is no hindrance: the driver is told so when it asks.
[[nodiscard]] StartOrder start_order(const std::vector<const Manifest*>& manifests, const Claims& claims);

// The scheme of a URI: "test" of "test:///default"; empty if it has none. A transport after '+' is left out.
[[nodiscard]] std::string scheme_of(std::string_view uri);

} // namespace polyvirt::plugin
