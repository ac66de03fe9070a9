// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// FsServers: the processes that serve a run's file systems, from before the emulator gets each until after it has let go of
// it. Part of its Run. Which there are stands in the guest, and so in the status record.
//
// A server has one client in its life, the emulator, and ends when that one's connection does. The daemon makes both ends
// of it: the server gets the listening socket, the emulator a connection to it, so nothing of it has a name for others to
// find. Until the emulator has it, the connection is the daemon's: whoever of the two dies, the server ends.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/process.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest.h"

namespace polyvirt::qemu {

class FsServers {
  public:
    // [worker] Starts the server of a file system that was settled (virtiofs/program.h), and asks it whether it serves: an
    // emulator waits for the answer for ever. Its connection, for the emulator. What the server says goes to a log of its own
    // beside the guest's, and is quoted where it ends. Errors: internal_error, config_unsupported, system_error.
    Result<UniqueFd> start(const std::shared_ptr<Run>& run, const sdk::domain::Filesystem& f, pv_call* call) PV_NO_LOCKS_HELD;
    // [init] Watches those of an earlier daemon.
    void adopt(const std::shared_ptr<Run>& run, const std::vector<FsServer>& servers);
    // [loop] Nobody is told of their ends any more.
    void forget() { processes_.clear(); }

  private:
    void keep(const std::shared_ptr<Run>& run, const std::string& alias, plugin::ChildProcess process);
    [[nodiscard]] static plugin::ChildProcess::ExitFn on_exit(const std::shared_ptr<Run>& run, const std::shared_ptr<const FsServer>& which);

    std::map<std::string, plugin::ChildProcess> processes_; // by alias; on the loop
};

// [worker, init] It ends, if it is still there.
void end_server(const FsServer& server);
// [worker] The same of a file system that goes: its end is no news. Nothing where it has none.
void drop_server(Guest& guest, const std::string& alias) PV_NO_LOCKS_HELD;

} // namespace polyvirt::qemu
