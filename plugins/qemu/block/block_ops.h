// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// BlockOps: the storage of guests: figures, sizes, limits, and the jobs that move contents between images. One source
// per activity (ops_*.cpp).

#include <polyvirt/gen/dom_block.h>
#include <polyvirt/gen/dom_stats.h>
#include <polyvirt/gen/dom_tune.h>

#include "block/chain.h"
#include "block/sample.h"
#include "part.h"

namespace polyvirt::qemu {

class BlockOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<
        ops::dom_stats::block_stats, ops::dom_stats::block_stats_params, ops::dom_stats::block_info, ops::dom_stats::block_peek,
        ops::dom_stats::disk_errors, ops::dom_block::block_resize, ops::dom_block::set_block_threshold,
        ops::dom_block::block_pull, ops::dom_block::block_rebase, ops::dom_block::block_commit, ops::dom_block::block_copy,
        ops::dom_block::block_job_info, ops::dom_block::block_job_abort, ops::dom_block::block_job_set_speed,
        ops::dom_tune::block_io_tune, ops::dom_tune::set_block_io_tune>;

    // ops_figures.cpp
    pv_status block_stats(pv_call*, const pv_obj*, const pv_dom_block_stats_in&, pv_dom_block_stats_out&);
    pv_status block_stats_params(pv_call*, const pv_obj*, const pv_dom_block_stats_params_in&, pv_dom_block_stats_params_out&);
    pv_status block_info(pv_call*, const pv_obj*, const pv_dom_block_info_in&, pv_dom_block_info_out&);
    pv_status block_peek(pv_call*, const pv_obj*, const pv_dom_block_peek_in&, pv_dom_block_peek_out&);
    pv_status disk_errors(pv_call*, const pv_obj*, const pv_dom_disk_errors_in&, pv_dom_disk_errors_out&);
    // ops_size.cpp
    pv_status block_resize(pv_call*, const pv_obj*, const pv_dom_block_resize_in&, pv_dom_block_resize_out&);
    pv_status set_block_threshold(pv_call*, const pv_obj*, const pv_dom_set_block_threshold_in&, pv_dom_set_block_threshold_out&);
    // ops_jobs.cpp
    pv_status block_job_info(pv_call*, const pv_obj*, const pv_dom_block_job_info_in&, pv_dom_block_job_info_out&);
    pv_status block_job_abort(pv_call*, const pv_obj*, const pv_dom_block_job_abort_in&, pv_dom_block_job_abort_out&);
    pv_status block_job_set_speed(pv_call*, const pv_obj*, const pv_dom_block_job_set_speed_in&, pv_dom_block_job_set_speed_out&);
    // ops_merge.cpp
    pv_status block_pull(pv_call*, const pv_obj*, const pv_dom_block_pull_in&, pv_dom_block_pull_out&);
    pv_status block_commit(pv_call*, const pv_obj*, const pv_dom_block_commit_in&, pv_dom_block_commit_out&);
    // ops_copy.cpp
    pv_status block_rebase(pv_call*, const pv_obj*, const pv_dom_block_rebase_in&, pv_dom_block_rebase_out&);
    pv_status block_copy(pv_call*, const pv_obj*, const pv_dom_block_copy_in&, pv_dom_block_copy_out&);
    // ops_iotune.cpp
    pv_status block_io_tune(pv_call*, const pv_obj*, const pv_dom_block_io_tune_in&, pv_dom_block_io_tune_out&);
    pv_status set_block_io_tune(pv_call*, const pv_obj*, const pv_dom_set_block_io_tune_in&, pv_dom_set_block_io_tune_out&);

  private:
    // A call that only asks: without the guest's job; its task ends it. Goes on anywhere.
    pv_status ask(pv_call* call, Task task) const;

    using PutFigures = std::function<void(const DeviceFigures&)>;
    Task tell_figures(RunPtr run, std::string path, PutFigures put);
    Task tell_info(RunPtr run, std::uint64_t strand, std::string path, pv_dom_block_info_out* out);
    Task tell_errors(RunPtr run, pv_records* errors);
    Task resize(GuestPtr guest, std::string name, std::uint64_t bytes);
    Task set_threshold(GuestPtr guest, std::string name, std::uint64_t bytes);
    Task tell_job(RunPtr run, BlockJob job, bool bytes, pv_dom_block_job_info_out* out);
    Task abort(GuestPtr guest, std::string name, std::uint32_t flags);
    Task set_speed(GuestPtr guest, std::string name, std::uint64_t speed);
    struct PullWish {
        std::string disk;
        std::optional<std::string> base;
        std::uint64_t speed = 0; // bytes/s; 0: as fast as it can
        bool relative = false;
    };
    pv_status begin_pull(pv_call* call, const pv_obj* obj, const PullWish& wish);
    Task pull(GuestPtr guest, PullWish wish);
    struct CommitWish {
        std::string disk;
        std::optional<std::string> base, top;
        std::uint64_t speed = 0;
        std::uint32_t flags = 0; // PV_DOMAIN_BLOCK_COMMIT_*
    };
    Task commit(sdk::OperationPtr op, GuestPtr guest, CommitWish wish);
    struct CopyWish {
        std::string disk;
        Link to; // format empty: not said
        std::uint64_t speed = 0, buffer = 0;
        std::uint32_t granularity = 0;
        std::uint32_t flags = 0; // PV_DOMAIN_BLOCK_COPY_*
    };
    pv_status begin_copy(pv_call* call, const pv_obj* obj, const CopyWish& wish);
    Task copy(sdk::OperationPtr op, GuestPtr guest, CopyWish wish);
    Task tune(sdk::OperationPtr op, GuestPtr guest, std::string name, std::uint32_t flags, pv_dom_set_block_io_tune_in in);
};

} // namespace polyvirt::qemu
