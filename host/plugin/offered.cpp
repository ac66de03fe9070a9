// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/offered.h"

#include <cstring>
#include <new>

namespace polyvirt::plugin {
namespace {

// The plugin sees the base alone.
struct Question : pv_probe {
    std::string long_canonical, long_instance; // as given to answer(); empty: it was not called
};

pv_status answer(pv_probe* probe, const char* canonical, const char* instance) noexcept {
    const auto fits = [](const char* text) { return text != nullptr && ::strnlen(text, PV_PROBE_MAX) < PV_PROBE_MAX; };
    if (probe == nullptr || !fits(canonical) || !fits(instance)) return PV_ABI;
    auto& question = *static_cast<Question*>(probe);
    try {
        question.long_canonical = canonical;
        question.long_instance = instance;
    } catch (const std::bad_alloc&) {
        return PV_FAIL;
    }
    return PV_OK;
}

template <std::size_t N> std::string text_of(const char (&field)[N]) { return {field, ::strnlen(field, N - 1)}; }

} // namespace

Offered ask(std::shared_ptr<const Generation> generation, const std::string& uri, bool privileged) {
    Question question{};
    question.size = sizeof(pv_probe);
    question.answer = &answer;
    Offered offered;
    offered.generation = std::move(generation);
    if (offered.generation->plugin.probe(uri.c_str(), privileged ? 1 : 0, &question) != PV_OK) return offered;
    offered.score = question.score;
    offered.lifetime = question.lifetime;
    offered.canonical = question.long_canonical.empty() ? text_of(question.canonical) : std::move(question.long_canonical);
    offered.instance = question.long_instance.empty() ? text_of(question.instance) : std::move(question.long_instance);
    return offered;
}

} // namespace polyvirt::plugin
