// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/load_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error_text.h"

namespace polyvirt::plugin {
namespace {

// `what` is "objects of kind network", `setting` "loading.providers", `name` what it calls it.
template <typename Key>
Status claim_one(std::map<Key, std::string>& owners, const Key& key, const std::string& id,
                 const std::map<Key, std::string>& chosen, const std::string& what, const char* setting,
                 std::string_view name) {
    const auto [owner, first] = owners.try_emplace(key, id);
    if (first) return {};
    const auto choice = chosen.find(key);
    if (choice == chosen.end() || (choice->second != id && choice->second != owner->second))
        return make_error(ErrorCode::operation_failed, ErrorDomain::none,
                          "both '{}' and '{}' serve {}; {} must choose one, as {}={} does{}", owner->second, id, what,
                          setting, name, id,
                          choice == chosen.end() ? "" : fmt::format(" (it chooses '{}', which is neither)", choice->second));
    owner->second = choice->second;
    return {};
}

struct Edge {
    std::uint32_t kind;
    std::string to;
};
using Graph = std::map<std::string, std::vector<Edge>>;

// The way from `from` back to itself; empty if there is none.
bool find_circle(const Graph& graph, const std::string& from, const std::string& at, std::set<std::string>& seen,
                 std::vector<std::pair<std::string, Edge>>& way) {
    for (const Edge& edge : graph.at(at)) {
        way.emplace_back(at, edge);
        if (edge.to == from) return true;
        if (seen.insert(edge.to).second && find_circle(graph, from, edge.to, seen, way)) return true;
        way.pop_back();
    }
    return false;
}

std::string describe(const std::vector<std::pair<std::string, Edge>>& way) {
    std::string text;
    for (const auto& [from, edge] : way)
        text += fmt::format("{}'{}' uses {} of '{}'", text.empty() ? "" : ", ", from, kind_name(edge.kind), edge.to);
    return text;
}

Graph make_graph(const std::vector<const Manifest*>& manifests, const Claims& claims) {
    Graph graph;
    for (const Manifest* m : manifests) graph[m->id];
    for (const Manifest* m : manifests)
        for (const std::uint32_t kind : m->uses) {
            const auto server = claims.kinds.find(kind);
            if (server != claims.kinds.end() && server->second != m->id && graph.count(server->second) != 0)
                graph[m->id].push_back({kind, server->second});
        }
    return graph;
}

} // namespace

Status claim(Claims& claims, const Manifest& manifest, const LoadPolicy& policy) {
    Claims changed = claims;
    for (const std::uint32_t kind : manifest.serves)
        PV_TRY(claim_one(changed.kinds, kind, manifest.id, policy.providers,
                         fmt::format("objects of kind {}", kind_name(kind)), "loading.providers", kind_name(kind)));
    for (const std::string& scheme : manifest.uri)
        PV_TRY(claim_one(changed.schemes, scheme, manifest.id, policy.schemes, fmt::format("URIs {}:", scheme),
                         "loading.schemes", scheme));
    claims = std::move(changed);
    return {};
}

StartOrder start_order(const std::vector<const Manifest*>& manifests, const Claims& claims) {
    StartOrder order;
    Graph graph = make_graph(manifests, claims);
    for (const auto& [id, edges] : graph) {
        std::set<std::string> seen;
        std::vector<std::pair<std::string, Edge>> way;
        if (find_circle(graph, id, id, seen, way)) order.circles[id] = describe(way);
    }
    std::set<std::string> done; // circles will not run, so nobody waits for them
    for (const auto& [id, way] : order.circles) done.insert(id);
    while (done.size() < graph.size()) {
        std::vector<std::string> level;
        for (const Manifest* m : manifests) { // in the order in which they were found
            const auto& edges = graph.at(m->id);
            const auto is_done = [&](const Edge& edge) { return done.count(edge.to) != 0; };
            if (done.count(m->id) == 0 && std::all_of(edges.begin(), edges.end(), is_done)) level.push_back(m->id);
        }
        done.insert(level.begin(), level.end());
        order.levels.push_back(std::move(level));
    }
    return order;
}

std::string scheme_of(std::string_view uri) {
    const std::size_t end = uri.find_first_of(":/?#");
    if (end == std::string_view::npos || uri[end] != ':') return {};
    return std::string(uri.substr(0, std::min(end, uri.find('+'))));
}

} // namespace polyvirt::plugin
