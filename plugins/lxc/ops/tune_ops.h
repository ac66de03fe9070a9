// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.tune: what a container may use of its host. Of a running one the kernel's files are read and written; what it
// refuses is refused before a description changes.

#include <polyvirt/gen/dom_tune.h>

#include "ops/part.h"

namespace polyvirt::lxc {

class TuneOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_tune::max_memory, ops::dom_tune::set_memory, ops::dom_tune::memory_params,
                           ops::dom_tune::set_memory_params, ops::dom_tune::blkio_params,
                           ops::dom_tune::set_blkio_params, ops::dom_tune::scheduler_type,
                           ops::dom_tune::scheduler_params, ops::dom_tune::set_scheduler_params>;

    pv_status max_memory(pv_call*, const pv_obj*, const pv_dom_max_memory_in&, pv_dom_max_memory_out&);
    pv_status set_memory(pv_call*, const pv_obj*, const pv_dom_set_memory_in&, pv_dom_set_memory_out&);
    pv_status memory_params(pv_call*, const pv_obj*, const pv_dom_memory_params_in&, pv_dom_memory_params_out&);
    pv_status set_memory_params(pv_call*, const pv_obj*, const pv_dom_set_memory_params_in&,
                                pv_dom_set_memory_params_out&);
    pv_status blkio_params(pv_call*, const pv_obj*, const pv_dom_blkio_params_in&, pv_dom_blkio_params_out&);
    pv_status set_blkio_params(pv_call*, const pv_obj*, const pv_dom_set_blkio_params_in&,
                               pv_dom_set_blkio_params_out&);
    pv_status scheduler_type(pv_call*, const pv_obj*, const pv_dom_scheduler_type_in&, pv_dom_scheduler_type_out&);
    pv_status scheduler_params(pv_call*, const pv_obj*, const pv_dom_scheduler_params_in&,
                               pv_dom_scheduler_params_out&);
    pv_status set_scheduler_params(pv_call*, const pv_obj*, const pv_dom_set_scheduler_params_in&,
                                   pv_dom_set_scheduler_params_out&);

  private:
    using Apply = std::function<Status(const Running&)>;
    // What a client's parameters make of a description, and of the kernel's files. They stay the host's until the call
    // is over.
    pv_status tune(pv_call* call, const pv_obj* obj, std::uint32_t flags, const char* what, Edit change,
                   Apply apply) const;
    Task run(sdk::OperationPtr op, GuestPtr guest, std::uint32_t flags, Edit change, Apply apply) const;
};

} // namespace polyvirt::lxc
