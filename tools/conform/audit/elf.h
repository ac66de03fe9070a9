// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a shared object says of itself, read from the file without loading it. Everything that the file gives as a place
// or number is checked before it is used.

#include <string>
#include <vector>

#include "base/result.h"

namespace polyvirt::conform {

struct ElfFile {
    std::vector<std::string> exported; // defined and visible to the linker
    std::vector<std::string> unique;   // STB_GNU_UNIQUE, of either table
    std::vector<std::string> undefined; // strong ones
    std::vector<std::string> needed;   // DT_NEEDED
    std::string rpath;                 // DT_RPATH or DT_RUNPATH
    std::string manifest;              // the note's text; see manifest_fault
    std::string manifest_fault;        // why there is none
    bool symbolic = false, text_relocations = false, static_tls = false, executable_stack = false;
};

Result<ElfFile> read_elf(const std::string& path);

} // namespace polyvirt::conform
