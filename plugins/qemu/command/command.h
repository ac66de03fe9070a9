// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The emulator's command line for a domain whose addresses and aliases are assigned. Pure: nothing is
// opened, asked or changed; what exists only at run time (descriptors, paths) comes in the context.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/host.h"
#include "command/protection.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

struct CommandContext {
    int monitor_fd = -1;    // the listening socket, as the emulator will have it; -1: it makes one in the folder
    int tpm_fd = -1;        // the TPM: the connection to its process, or the host's device; likewise, -1: none
    int tpm_cancel_fd = -1; // of such a device
    int vsock_fd = -1;      // /dev/vhost-vsock with the guest's address, likewise
    std::string folder{};     // the guest's own, for sockets that the emulator makes
    std::string pidfile{};    // empty: none
    std::string master_key{}; // file with the key of all other secrets; empty: none
    std::string state{};      // where files of guests' memory stand
    const HostResources* host = nullptr; // null: not asked about, so that nothing is refused for lack of it
    int id = -1;            // the guest's
    bool incoming = false;  // it waits to be told where its state comes from
    std::map<std::string, std::vector<int>> taps{}; // descriptors of taps, one a queue, by the interface's alias
    std::map<std::string, int> servers{}; // connections to servers of file systems, by the file system's alias
    Protections protections{}; // of connections
    bool hotplug = false;   // it runs already; descriptors go by name
    bool kvm = false;       // accelerator of this domain
    bool seccomp = true;    // the emulator gives up what it does not need of the kernel's calls
    // Makes a listening socket at a path, which the emulator gets under the number; null: the emulator makes it.
    std::function<Result<int>(const std::string& path)> pass_socket{};
    // Opens a device file for a device of that alias; what the emulator knows the descriptor by. Null: not for real.
    std::function<Result<std::string>(const std::string& path, const std::string& alias)> open_device{};
    // For showing, not for starting: what a start would open or find (taps, ports, helpers) has a stand-in.
    bool sketch = false;
};

struct CommandLine {
    std::vector<std::string> args; // args[0] is the emulator
    std::vector<std::string> env;
    [[nodiscard]] std::string to_string() const; // for the log; quoted for a shell
};

// For showing: what a start would open or find becomes a stand-in, which gets its place anew.
// Error: as of assign_addresses(). sketch.cpp
Status sketch(sdk::domain::Domain& domain);

// Writes down where sockets are that the document gives no path: for the live description of a guest about to start.
void name_own_sockets(sdk::domain::Domain& domain, const std::string& folder);

// What the descriptors of an interface's tap are called in an emulator that runs already.
std::vector<std::string> tap_names(const sdk::domain::Interface& i);

// Errors: config_unsupported names what this version cannot give to a guest.
Result<CommandLine> build_command(const sdk::domain::Domain& domain, const CommandContext& context);

} // namespace polyvirt::qemu
