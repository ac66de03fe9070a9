// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/job_params.h"

#include <utility>

#include <polyvirt/abi/gen/constants.h>

namespace polyvirt::qemu {
namespace {

pv_param number(const char* field, std::uint64_t value) {
    pv_param p{};
    p.field = field;
    p.type = PV_PARAM_ULLONG;
    p.v.ul = value;
    return p;
}

} // namespace

std::vector<pv_param> job_params(const LongJob& job, std::int64_t elapsed_ns) {
    const JobFigures& f = job.figures;
    std::vector<pv_param> list;
    pv_param operation{};
    operation.field = PV_DOMAIN_JOB_OPERATION;
    operation.type = PV_PARAM_INT;
    operation.v.i = job.operation;
    list.push_back(operation);
    list.push_back(number(PV_DOMAIN_JOB_TIME_ELAPSED, static_cast<std::uint64_t>(elapsed_ns / kNsPerMs)));
    const bool memory = f.memory_total != 0, disks = f.disk_total != 0;
    if (f.downtime_ms != 0) list.push_back(number(PV_DOMAIN_JOB_DOWNTIME, f.downtime_ms));
    if (f.setup_ms != 0) list.push_back(number(PV_DOMAIN_JOB_SETUP_TIME, f.setup_ms));
    if (memory || disks) {
        list.push_back(number(PV_DOMAIN_JOB_DATA_TOTAL, f.memory_total + f.disk_total));
        list.push_back(number(PV_DOMAIN_JOB_DATA_PROCESSED, f.memory_processed + f.disk_processed));
        list.push_back(number(PV_DOMAIN_JOB_DATA_REMAINING, f.memory_remaining + f.disk_remaining));
    }
    if (memory) {
        const std::pair<const char*, std::uint64_t> rows[] = {{PV_DOMAIN_JOB_MEMORY_TOTAL, f.memory_total},
                                                              {PV_DOMAIN_JOB_MEMORY_PROCESSED, f.memory_processed},
                                                              {PV_DOMAIN_JOB_MEMORY_REMAINING, f.memory_remaining},
                                                              {PV_DOMAIN_JOB_MEMORY_BPS, f.memory_bps},
                                                              {PV_DOMAIN_JOB_MEMORY_CONSTANT, f.memory_constant},
                                                              {PV_DOMAIN_JOB_MEMORY_NORMAL, f.memory_normal},
                                                              {PV_DOMAIN_JOB_MEMORY_NORMAL_BYTES, f.memory_normal_bytes},
                                                              {PV_DOMAIN_JOB_MEMORY_ITERATION, f.memory_iteration}};
        for (const auto& [field, value] : rows) list.push_back(number(field, value));
    }
    if (disks) {
        list.push_back(number(PV_DOMAIN_JOB_DISK_TOTAL, f.disk_total));
        list.push_back(number(PV_DOMAIN_JOB_DISK_PROCESSED, f.disk_processed));
        list.push_back(number(PV_DOMAIN_JOB_DISK_REMAINING, f.disk_remaining));
    }
    if (job.type == PV_DOMAIN_JOB_BOUNDED || job.type == PV_DOMAIN_JOB_UNBOUNDED) return list;
    pv_param success{};
    success.field = PV_DOMAIN_JOB_SUCCESS;
    success.type = PV_PARAM_BOOLEAN;
    success.v.b = job.type == PV_DOMAIN_JOB_COMPLETED ? 1 : 0;
    list.push_back(success);
    if (!job.error.empty()) {
        pv_param error{};
        error.field = PV_DOMAIN_JOB_ERRMSG;
        error.type = PV_PARAM_STRING;
        error.v.s = job.error.c_str();
        list.push_back(error);
    }
    return list;
}

} // namespace polyvirt::qemu
