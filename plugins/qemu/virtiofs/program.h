// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Programs that serve a folder of the host to a guest (virtiofsd): which there are, which one a file system gets, what it
// is told. There are two by that name: the one that came with QEMU until 8.0 ("-o source=DIR,cache=none"), and its
// successor, whose options are separate ("--shared-dir DIR --cache never") and which understands most of the old ones.

#include <string>
#include <vector>

#include "base/result.h"
#include "launch/interop.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

struct FsProgram {
    std::string path;
    bool separate_options = false; // as its descriptor says; one without descriptor is told in the old way
};

// Whether somebody has to start a server for it.
bool wants_server(const sdk::domain::Filesystem& f);

// The one of that path; where `wanted` is empty, the first that serves file systems. Pure. Error: operation_failed, none does.
Result<FsProgram> choose_fs_program(const std::vector<InteropFile>& descriptors, const std::string& wanted);
// The same of this host. Reads files.
Result<FsProgram> find_fs_program(const std::string& wanted);

// Its command line; `fd` is the listening socket there. Pure. Error: config_unsupported for what this program has not.
Result<std::vector<std::string>> fs_server_command(const FsProgram& program, const sdk::domain::Filesystem& f, int fd);

// Names the program of a file system whose document leaves it open, and looks whether both are there, it and what it is to
// serve. Nothing to do for one without server. Reads files. Errors: internal_error, operation_failed.
Status settle_filesystem(sdk::domain::Filesystem& f);
Status settle_filesystems(sdk::domain::Domain& domain);

} // namespace polyvirt::qemu
