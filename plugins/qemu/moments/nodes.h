// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The block nodes of a running guest's disks, and jobs of its emulator that are over when it says so. On the guest's loop
// from the first wait on.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "monitor/monitor.h"
#include "sdk/domain/domain.h"
#include "sdk/task.h"

namespace polyvirt::qemu {

class Run;

std::vector<std::string> aliases_of(const std::vector<const sdk::domain::Disk*>& disks);
// Of a reply to query-block: the node that each device has open, by the device's alias. Pure.
std::map<std::string, std::string> open_nodes(const Json& blocks);
// The nodes that these devices have open, in that order. Error: operation_failed for one that has none.
sdk::Task<Result<std::vector<std::string>>> nodes_of(std::shared_ptr<Run> run, std::vector<std::string> aliases);
// The node of every disk of the guest's that has an image, by its target.
sdk::Task<Result<std::map<std::string, std::string>>> disk_nodes(std::shared_ptr<Run> run);
// A number that no node of the guest's has in its name ("libvirt-7-format"), nor any after it.
sdk::Task<Result<std::size_t>> unused_number(std::shared_ptr<Run> run);
std::size_t unused_number_in(const Json& nodes); // of a reply to query-named-block-nodes

// Starts a job of the emulator's by `command`, whose "job-id" is made here, and waits for its end, however long that takes.
// Error: operation_failed in the emulator's words.
sdk::Task<Status> run_emulator_job(std::shared_ptr<Run> run, std::string command, Json arguments);

} // namespace polyvirt::qemu
