// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.hv.node: the imaginary host's figures, instead of the real one's.

#include <cstdio>

#include "node_figures.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

class Node : public Ops {
  public:
    using Ops::Ops;

    pv_status info(pv_call*, const pv_obj*, const pv_node_info_in&, pv_node_info_out& out) {
        const NodeFigures& n = driver_.node();
        plugin::write(s_, out.model, n.model);
        out.memory = *n.memory;
        out.cpus = static_cast<std::int32_t>(*n.active);
        out.mhz = static_cast<std::int32_t>(*n.mhz);
        out.nodes = static_cast<std::int32_t>(*n.nodes);
        out.sockets = static_cast<std::int32_t>(*n.sockets);
        out.cores = static_cast<std::int32_t>(*n.cores);
        out.threads = static_cast<std::int32_t>(*n.threads);
        return PV_OK;
    }
};

} // namespace

const void* hv_node_table() {
    static const auto table = make_table<pv_hv_node>([](auto& t) { t.info = op<"node.info", &Node::info>; });
    return &table;
}

} // namespace polyvirt::test
