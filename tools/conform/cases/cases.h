// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// All cases; the table in cases.cpp says what each is for. [main thread of the case's process]

#include "tools/conform/case.h"

namespace polyvirt::conform {

// load.cpp: the file, without and with running it
void manifest(const Subject& subject);
void symbols(const Subject& subject);
void imports(const Subject& subject);
void linking(const Subject& subject);
void libraries(const Subject& subject);
void open_now(const Subject& subject);
void entry(const Subject& subject);
void entry_versions(const Subject& subject);
void entry_twice(const Subject& subject);
void probe_answers(const Subject& subject);
void tables_provided(const Subject& subject);
void tables_unknown(const Subject& subject);

// life.cpp
void create_destroy(const Subject& subject);
void start_stop(const Subject& subject);
void restart(const Subject& subject);
void reconfigure(const Subject& subject);
void two_instances(const Subject& subject);
void census(const Subject& subject);
void tables_exact(const Subject& subject);
void tables_longer(const Subject& subject);
void no_check(const Subject& subject);

// ops.cpp
void ops_ordinary(const Subject& subject);
void ops_flags(const Subject& subject);
void ops_texts(const Subject& subject);
void ops_numbers(const Subject& subject);
void ops_longer(const Subject& subject);
void ops_gone(const Subject& subject);
void ops_prompt(const Subject& subject);

// calls.cpp
void calls_cancel(const Subject& subject);
void calls_pending(const Subject& subject);
void calls_beside(const Subject& subject);
void locks_reentrant(const Subject& subject);

// faults.cpp
void services_missing(const Subject& subject);
void services_failing(const Subject& subject);
void allocations(const Subject& subject);
void spawn_failing(const Subject& subject);

// seen.cpp: one long walk, whose parts are judged by many
void walk(const Subject& subject);

} // namespace polyvirt::conform
