// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "node_figures.h"

#include "sdk/xml/parse.h"

namespace polyvirt::test {
namespace {

using namespace sdk;

struct CpuFigures {
    std::string model;
    std::optional<std::uint32_t> mhz, active, nodes, sockets, cores, threads;
};
void describe(xml::Binder& b, CpuFigures& v) {
    const auto some = xml::Rule{}.limits(1, 1u << 20);
    b.element("mhz", v.mhz, some);
    b.element("model", v.model);
    b.element("active", v.active, xml::Rule{}.limits(1, 4096));
    b.element("nodes", v.nodes, xml::Rule{}.limits(1, 128));
    b.element("sockets", v.sockets, some);
    b.element("cores", v.cores, some);
    b.element("threads", v.threads, some);
}

struct MemoryFigure {
    std::optional<std::uint64_t> kib;
};
void describe(xml::Binder& b, MemoryFigure& v) { b.text(v.kib, xml::Rule{}.limits(1, 1ull << 50)); }

template <typename T> void take(std::optional<T>& to, const std::optional<T>& from) {
    if (from) to = from;
}

} // namespace

bool NodeFigures::knows(std::string_view element) const { return element == "cpu" || element == "memory"; }

Status NodeFigures::load(const xml::Node& element) {
    xml::Messages messages;
    if (element.name == "memory") {
        PV_ASSIGN_OR_RETURN(const MemoryFigure figure, xml::parse<MemoryFigure>(element, messages));
        take(memory, figure.kib);
        return {};
    }
    PV_ASSIGN_OR_RETURN(const CpuFigures figures, xml::parse<CpuFigures>(element, messages));
    if (!figures.model.empty()) model = figures.model;
    take(mhz, figures.mhz);
    take(active, figures.active);
    take(nodes, figures.nodes);
    take(sockets, figures.sockets);
    take(cores, figures.cores);
    take(threads, figures.threads);
    return {};
}

} // namespace polyvirt::test
