// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// BlockState: what is known of a running guest's storage beside its document: block jobs, numbers of images. A
// member of Guest, under its lock; jobs and numbers are in the status record, so that they outlive the daemon.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <polyvirt/abi/gen/constants.h>

namespace polyvirt::qemu {

// How far a job has come. `concluded`: its end is known and acted on; what is left is to clear up.
enum class JobState : std::uint8_t { starting, running, ready, aborting, pivoting, concluded };

struct BlockJob {
    std::string id;           // the emulator's name for it, "pull-vda-libvirt-1-format"
    std::int32_t type = 0;    // PV_DOMAIN_BLOCK_JOB_TYPE_*
    std::string disk;         // target of the disk it works on
    JobState state = JobState::starting;
    std::uint32_t top = 0;    // image numbers: a commit's upper end, a copy's destination, the image that a pull fills
    std::uint32_t base = 0;   // a commit's target, what a pull stops above; 0: none
    bool shallow = false;     // a copy that shares what is below
    bool removes = false;     // a commit whose images are deleted afterwards
    std::int32_t outcome = -1; // PV_DOMAIN_BLOCK_JOB_COMPLETED ..., once concluded
    std::string error;        // the emulator's words
    std::vector<std::uint32_t> unused; // images whose nodes go
    std::vector<std::string> files;    // and where those are
    // Not in the record.
    bool awaited = false;     // a call waits for its end and does what is then to do
    bool ended = false;       // the emulator has said that it is over
    std::uint64_t speed = 0, done = 0, total = 0; // as last seen
};

struct BlockState {
    std::uint32_t next_image = 1;         // the first number that no image has had
    std::map<std::string, BlockJob> jobs; // by id

    // The one that works on a disk, or null.
    [[nodiscard]] BlockJob* job_of(std::string_view disk);
    std::uint32_t take_number() { return next_image++; }
};

nlohmann::json to_json(const BlockState& state);
// What does not read as such is left out: a record of an older daemon has none of it.
BlockState block_state_from(const nlohmann::json& json);

} // namespace polyvirt::qemu
