// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// storage-helper: the file access of one request, in a process of its own. A file system that does not answer then hangs
// this process, which the driver kills or leaves behind, and nothing of the daemon. One request, one process:
//
//     storage-helper VERB FACTS       the answer (facts.h) goes to descriptor 3; streams are on descriptor 4
//
// An error has its fields under "error.". Exit status 0 says that there is an answer.
// Verbs are plain functions, so that tests call them without the process.

#include <string>
#include <string_view>

#include <sys/stat.h>

#include "../facts.h"
#include "base/result.h"

namespace polyvirt::storage::helper {

using Verb = Result<Answer> (*)(const Facts& in);

// null: there is no such verb. [any]
Verb find_verb(std::string_view name);

// look.cpp: what is there
Result<Answer> scan(const Facts& in);  // path -> capacity, available, allocation, mode, owner, group, skipped; volumes
Result<Answer> look(const Facts& in);  // pool, name, path, format -> the same of this volume alone
Result<Answer> probe(const Facts& in); // path -> whether it exists, and what it is

// make.cpp: files and folders come and go
Result<Answer> make_pool(const Facts& in);   // path, mode, owner, group
Result<Answer> remove_pool(const Facts& in); // path
Result<Answer> make_file(const Facts& in);   // part, path, capacity, allocation, mode, owner, group, nocow
Result<Answer> make_folder(const Facts& in); // path, mode, owner, group
Result<Answer> publish(const Facts& in);     // part, path, mode, owner, group: what another program made
Result<Answer> remove(const Facts& in);      // path, folder
Result<Answer> discard(const Facts& in);     // path: a file in the making; absent is success

// contents.cpp
Result<Answer> resize(const Facts& in); // path, capacity, allocate
Result<Answer> wipe(const Facts& in);   // path
Result<Answer> copy(const Facts& in);   // from, part, path, capacity, allocation, reflink, mode, owner, group, device

// stream.cpp
Result<Answer> send(const Facts& in);    // path, offset, length, sparse
Result<Answer> receive(const Facts& in); // path, offset, length

// devices.cpp: block devices, of which no program tells
Result<Answer> multipath(const Facts& in);
Result<Answer> scsi(const Facts& in); // host

// --- for the verbs ---

// mode, owner, group
void add_permissions(Facts& facts, const struct stat& st);
// Mode, owner and group of `in` on an open file; what it does not say stays, but for the mode, which is `usual` then.
Status set_permissions(int fd, const Facts& in, const std::string& path, unsigned usual);
// Gives `part` its name, unless there is something of that name. The part is gone in either case.
Status give_name(const std::string& part, const std::string& path);

} // namespace polyvirt::storage::helper
