// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/known_uris.h"

#include <algorithm>
#include <utility>

namespace polyvirt::plugin {

const KnownUris::Instance* KnownUris::find(std::string_view uri) {
    const auto it = known_.find(uri);
    if (it == known_.end()) return nullptr;
    it->second.asked = ++clock_;
    return &it->second.instance;
}

void KnownUris::remember(std::string_view uri, Instance instance) {
    if (uri.size() > kLongestUri) return;
    const Entry entry{std::move(instance), ++clock_};
    if (const auto it = known_.find(uri); it != known_.end()) {
        it->second = entry;
        return;
    }
    if (known_.size() >= kMost)
        known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
            return a.second.asked < b.second.asked;
        }));
    known_.emplace(uri, entry);
}

} // namespace polyvirt::plugin
