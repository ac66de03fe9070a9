// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// JobOps: pv.dom.job, the long job of a guest, watched and ended. Answered from what is known here: never a wait.

#include <polyvirt/gen/dom_job.h>

#include "part.h"

namespace polyvirt::qemu {

class JobOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_job::job_info, ops::dom_job::job_stats, ops::dom_job::abort_job>;

    pv_status job_info(pv_call*, const pv_obj*, const pv_dom_job_info_in&, pv_dom_job_info_out&);
    pv_status job_stats(pv_call*, const pv_obj*, const pv_dom_job_stats_in&, pv_dom_job_stats_out&);
    pv_status abort_job(pv_call*, const pv_obj*, const pv_dom_abort_job_in&, pv_dom_abort_job_out&);
};

} // namespace polyvirt::qemu
