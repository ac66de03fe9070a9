// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// storage-helper: the file access of one request, in a process of its own. A file system that does not answer then hangs
// this process, which the driver kills or leaves behind, and nothing of the daemon. One request, one process:
//
//     storage-helper VERB JSON        the answer, JSON too, goes to descriptor 3; streams are on descriptor 4
//
// The answer is an object; {"error": {...}} has the fields of an Error. Exit status 0 says that there is an answer.
// Verbs are plain functions, so that tests call them without the process.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace polyvirt::storage::helper {

using Json = nlohmann::json;
using Verb = Result<Json> (*)(const Json& in);

// null: there is no such verb. [any]
Verb find_verb(std::string_view name);

// facts.cpp: what is there
Result<Json> scan(const Json& in);  // path -> capacity, available, allocation, permissions, volumes
Result<Json> look(const Json& in);  // volumes: [{path, format}], path -> the same of these alone
Result<Json> probe(const Json& in); // path -> whether it exists, and what it is

// make.cpp: files and folders come and go
Result<Json> make_pool(const Json& in);   // path, mode, owner, group
Result<Json> remove_pool(const Json& in); // path
Result<Json> make_file(const Json& in);   // part, path, capacity, allocation, mode, owner, group, nocow
Result<Json> make_folder(const Json& in); // path, mode, owner, group
Result<Json> publish(const Json& in);     // part, path, mode, owner, group: what another program made
Result<Json> remove(const Json& in);      // path, folder
Result<Json> discard(const Json& in);     // path: a file in the making; absent is success

// contents.cpp
Result<Json> resize(const Json& in); // path, capacity, allocate
Result<Json> wipe(const Json& in);   // path
Result<Json> copy(const Json& in);   // from, part, path, capacity, allocation, reflink, mode, owner, group, device

// stream.cpp
Result<Json> send(const Json& in);    // path, offset, length, sparse
Result<Json> receive(const Json& in); // path, offset, length

// devices.cpp: block devices, of which no program tells
Result<Json> multipath(const Json& in);
Result<Json> scsi(const Json& in); // host

// --- for the verbs ---

std::string text(const Json& in, const char* key);
std::uint64_t number(const Json& in, const char* key, std::uint64_t other = 0);
bool flag(const Json& in, const char* key);

// Mode, owner and group of `in` on an open file; what it does not say stays, but for the mode, which is `usual` then.
Status set_permissions(int fd, const Json& in, const std::string& path, unsigned usual);
// Gives `part` its name, unless there is something of that name. The part is gone in either case.
Status give_name(const std::string& part, const std::string& path);

} // namespace polyvirt::storage::helper
