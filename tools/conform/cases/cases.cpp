// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/cases/cases.h"

#include <algorithm>
#include <array>

namespace polyvirt::conform {
namespace {

// In the order in which they run. A case whose base has failed is skipped. Those with `walk` are judges: the fake host
// complains to them wherever it sees their kind of fault, and the walk of their own makes sure that there is something to see.
constexpr std::array kCases = {
    Case{"load.manifest", "R5", "the manifest is there, readable without loading, and makes sense", "", manifest},
    Case{"load.symbols", "R22", "one exported symbol, none that is unique in the process", "", symbols},
    Case{"load.imports", "R22", "everything that it lacks is in the libraries that it needs, nothing in the host", "", imports},
    Case{"load.linking", "R22", "no text relocations, static TLS, executable stack or foreign run path", "", linking},
    Case{"load.libraries", "R22", "no library that is the host's affair or pins the process", "", libraries},
    Case{"load.open", "R21 R22", "RTLD_NOW opens it; loading leaves descriptors, threads and process as they were", "load.imports", open_now},
    Case{"load.entry", "R2", "the entry answers with a whole table that fits the manifest", "load.open", entry},
    Case{"load.entry_versions", "R2", "hosts of a newer and an older minor are served, or refused with a reason", "load.entry", entry_versions},
    Case{"load.entry_twice", "R21", "the entry may be called again", "load.entry", entry_twice},
    Case{"probe.answers", "R4 R8", "own, foreign, garbage and overlong URIs are answered within bounds", "load.entry", probe_answers},
    Case{"life.create", "R20", "create makes an instance with log and paths alone, destroy takes it away", "load.entry", create_destroy},
    Case{"tables.provided", "R2 R3", "get_interface answers what the manifest provides, with whole tables", "life.create", tables_provided},
    Case{"tables.unknown", "R4", "unknown ids, and known ones with something behind, are answered with NULL", "life.create", tables_unknown},
    Case{"life.start", "R11", "start and stop, for each reason to stop", "life.create", start_stop},
    Case{"ops.ordinary", "R6 R7 R13 R23", "every op with ordinary arguments ends, and says what is true", "life.start", ops_ordinary},
    Case{"life.restart", "R21", "a second life in the same process and folders, cold and after a crash", "ops.ordinary", restart},
    Case{"life.reconfigure", "R11", "an unchanged configuration is taken again", "life.start", reconfigure},
    Case{"life.two_instances", "R21", "two instances live at once and know nothing of each other", "ops.ordinary", two_instances},
    Case{"tables.exact", "R2", "no read beyond the size of a host's table", "ops.ordinary", tables_exact},
    Case{"tables.longer", "R2", "tables longer than it knows are taken, their tail is left alone", "ops.ordinary", tables_longer},
    Case{"life.no_check", "R16", "it works without host.check", "life.start", no_check},
    Case{"calls.error", "R11 R12", "an op fails if and only if it recorded an error", "ops.ordinary", walk},
    Case{"calls.complete", "R13", "what is pending is completed, once, at the latest by stop", "ops.ordinary", calls_pending},
    Case{"calls.over", "R6", "a call that is over is not touched", "ops.ordinary", walk},
    Case{"calls.cancel", "R13", "cancelling what is pending: on_cancel once at most, never after complete", "ops.ordinary", calls_cancel},
    Case{"calls.beside", "R20 R21", "calls side by side, as the concurrency model has them", "ops.ordinary", calls_beside},
    Case{"ops.flags", "R4", "unknown flag bits are error 8", "ops.ordinary", ops_flags},
    Case{"ops.texts", "R8", "empty, huge and garbled texts and documents, and NULL where it may be", "ops.ordinary", ops_texts},
    Case{"ops.numbers", "R4", "extreme numbers and unknown values of enumerations", "ops.ordinary", ops_numbers},
    Case{"ops.params", "R26", "typed parameters have names and types that the spec knows", "ops.ordinary", walk},
    Case{"ops.longer", "R2", "in and out of a newer host; no byte beyond their size is touched", "ops.ordinary", ops_longer},
    Case{"ops.gone", "R25", "objects that are retired while a call is on its way to them", "ops.ordinary", ops_gone},
    Case{"ops.prompt", "R23", "ops that must not block use no service and no system call that waits", "ops.ordinary", ops_prompt},
    Case{"locks.reentrant", "R16", "no lock is held over a service that may run plugin code", "ops.ordinary", locks_reentrant},
    Case{"locks.kept", "R17", "no lock is held at the end of an op or callback", "life.start", walk},
    Case{"loops.brief", "R18", "callbacks return soon and call nothing that waits", "life.start", walk},
    Case{"events.payload", "R19 R2", "events have a number, a whole payload and their object's identity", "life.start", walk},
    Case{"events.after_registry", "R19", "an event is posted after the registry shows the change", "life.start", walk},
    Case{"events.order", "R19", "started and stopped take turns", "life.start", walk},
    Case{"registry.rules", "R25 R24", "what is published is whole and agrees with itself", "life.start", walk},
    Case{"handles.valid", "R10", "handles are used while they are valid and given back once", "life.start", walk},
    Case{"services.arguments", "R2", "services are called with arguments that make sense", "life.start", walk},
    Case{"process.untouched", "R20 R21", "environment, umask, locale, working folder and signals stay as they are", "life.start", walk},
    Case{"process.cloexec", "R9", "every descriptor is CLOEXEC", "life.start", walk},
    Case{"life.census", "R20", "after destroy no descriptor and no thread is left", "ops.ordinary", census},
    Case{"faults.missing", "R5", "without a service that its manifest does not need, create fails cleanly or works", "life.start", services_missing},
    Case{"faults.services", "R11", "when one service fails, start and ops fail cleanly or work", "ops.ordinary", services_failing},
    Case{"faults.spawn", "R11 R20", "when no process can be started, the op fails with an error", "ops.ordinary", spawn_failing},
    Case{"faults.memory", "R11 R14", "when one allocation fails, the op fails cleanly or works", "ops.ordinary", allocations},
};

} // namespace

std::span<const Case> all_cases() { return kCases; }

const Case* find_case(std::string_view name) {
    const auto at = std::find_if(kCases.begin(), kCases.end(), [&](const Case& c) { return c.name == name; });
    return at == kCases.end() ? nullptr : &*at;
}

} // namespace polyvirt::conform
