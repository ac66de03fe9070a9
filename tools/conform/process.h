// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A case's process: forked by the one that prints, which never loads a plugin. What the case says comes through a pipe;
// what it is doing stands in shared memory, so that it is known when the process dies.

#include <string>

#include "tools/conform/case.h"
#include "tools/conform/report.h"

namespace polyvirt::conform {

struct Said {
    struct Complaint {
        std::string judge, text;
    };
    std::vector<Complaint> complaints;
    std::vector<std::string> log;
    Profile profile;
    std::string skipped;
    double seconds = 0;
};

// Runs `test` in a process and a temporary folder of its own; both are gone when this returns, and so are the processes
// that the plugin had started. `limit` in seconds.
Said run_in_process(const Case& test, const Subject& subject, double limit);

// --- in the case's process -----------------------------------------------------------------------------------------

// The folder that is the case's alone.
const std::string& work_folder();

// What is true of everything that is complained of from here on: "when state.put fails".
void set_circumstance(std::string text);

// Runs `body` in a further process (none of the case's threads may live yet) and waits for it. Empty if it ended by
// itself; else how it died and what it was doing.
std::string run_apart(const std::function<void()>& body, double limit);

} // namespace polyvirt::conform
