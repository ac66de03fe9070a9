// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Hooks: scripts that an administrator puts beside the configuration and that are called when an object of a driver
// begins or ends: FOLDER/NAME, then the files of FOLDER/NAME.d in the order of their names. Arguments as the peer gives
// them (OBJECT OPERATION SUB-OPERATION EXTRA), the object's document on standard input.
//
//     const sdk::Hooks hooks(s, {.folder = folder, .name = "qemu"});
//     PV_TRY(hooks.call({.object = "vm", .operation = "prepare", .phase = "begin", .document = xml}));
//
// A script is a process in a session of its own, without any descriptor of the daemon, that is killed with all it has
// started when its time is over. What it leaves in the background is not waited for. No lock may be held meanwhile: it
// may call the daemon back and ask for the very object that it is called for.
//
// Constant after construction; any thread.

#include <cstdint>
#include <string>
#include <vector>

#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"

namespace polyvirt::sdk {

struct HookCall {
    std::string object;           // its name
    const char* operation = "";   // "start"
    const char* phase = "begin";  // or "end"
    std::string document;         // XML
    const char* extra = "-";
};

class Hooks {
  public:
    struct Options {
        std::string folder; // absolute
        std::string name;   // of the driver, and so of the script
        std::int64_t timeout_ns = 60'000'000'000; // of each script
    };
    Hooks(const plugin::Services& s, Options options);

    // [worker, init] The scripts that there are; none is usual. A few system calls.
    [[nodiscard]] std::vector<std::string> scripts() const;
    // [worker, init] Calls them, one after the other, until one fails. Errors, hook_script_failed: which one, and what it
    // said or that its time was over. What they print is logged; `output`, if not null, gets it instead.
    [[nodiscard]] Status call(const HookCall& what, std::string* output = nullptr) const PV_NO_LOCKS_HELD;
    // As a filter of the document: each script gets what the last one printed, if that was anything.
    [[nodiscard]] Result<std::string> filter(HookCall what) const PV_NO_LOCKS_HELD;

  private:
    [[nodiscard]] Result<std::string> run(const std::string& script, const HookCall& what) const PV_NO_LOCKS_HELD;

    const plugin::Services& s_;
    const Options options_;
};

// Where they are for a driver whose configuration (PV_PATH_CONFIG) is in .../ID or .../ID.instances/KEY: .../hooks.
std::string hooks_folder(const std::string& config_folder, const std::string& id);

} // namespace polyvirt::sdk
