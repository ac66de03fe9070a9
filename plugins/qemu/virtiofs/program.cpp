// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "virtiofs/program.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "monitor/json.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Filesystem;
using sdk::domain::OnOff;
using Words = std::vector<std::string>;

Error unable(const Filesystem& f, const FsProgram& program, std::string_view what) {
    return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "filesystem '{}': '{}' has no {}", f.target, program.path, what);
}

// Commas are the old program's separators; with a backslash one is part of a value.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ',' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

void add_switch(std::string& options, OnOff value, const char* name) {
    if (value != OnOff::unset) options += fmt::format(",{}{}", value == OnOff::on ? "" : "no_", name);
}

// As they were from the beginning.
Words old_options(const Filesystem& f) {
    std::string options = "source=" + escaped(f.source.dir);
    if (!f.binary.cache_mode.empty()) options += ",cache=" + f.binary.cache_mode;
    if (!f.binary.sandbox_mode.empty()) options += ",sandbox=" + f.binary.sandbox_mode;
    add_switch(options, f.binary.xattr, "xattr");
    add_switch(options, f.binary.lock_flock, "flock");
    add_switch(options, f.binary.lock_posix, "posix_lock");
    return {"-o", std::move(options)};
}

// The successor has no locks that other guests see.
Result<Words> separate_options(const FsProgram& program, const Filesystem& f) {
    if (f.binary.lock_flock == OnOff::on) return unable(f, program, "<lock flock='on'>");
    if (f.binary.lock_posix == OnOff::on) return unable(f, program, "<lock posix='on'>");
    Words words = {"--shared-dir", f.source.dir};
    const std::string& cache = f.binary.cache_mode;
    if (!cache.empty()) words.insert(words.end(), {"--cache", cache == "none" ? "never" : cache});
    if (!f.binary.sandbox_mode.empty()) words.insert(words.end(), {"--sandbox", f.binary.sandbox_mode});
    if (f.binary.xattr == OnOff::on) words.emplace_back("--xattr");
    return words;
}

} // namespace

bool wants_server(const Filesystem& f) { return f.driver.type == "virtiofs" && f.source.socket.empty(); }

Result<FsProgram> choose_fs_program(const std::vector<InteropFile>& descriptors, const std::string& wanted) {
    for (const InteropFile& file : descriptors) {
        const auto json = nlohmann::json::parse(file.text, nullptr, false);
        const std::string path = text_of(json, "binary");
        if (json.is_discarded() || path.empty()) {
            log::warning("virtiofs", "'{}' is left out: it is no JSON object that names a 'binary'", file.path);
            continue;
        }
        if (text_of(json, "type") != "fs" || (!wanted.empty() && path != wanted)) continue;
        const auto& features = member(json, "features");
        return FsProgram{path, std::find(features.begin(), features.end(), "separate-options") != features.end()};
    }
    if (!wanted.empty()) return FsProgram{wanted};
    return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "Unable to find a satisfying virtiofsd");
}

Result<FsProgram> find_fs_program(const std::string& wanted) {
    return choose_fs_program(read_interop(interop_folders("vhost-user")), wanted);
}

Result<Words> fs_server_command(const FsProgram& program, const Filesystem& f, int fd) {
    Words words = {program.path, fmt::format("--fd={}", fd)};
    Words options = old_options(f);
    if (program.separate_options) {
        PV_ASSIGN_OR_RETURN(options, separate_options(program, f));
    }
    words.insert(words.end(), std::make_move_iterator(options.begin()), std::make_move_iterator(options.end()));
    if (f.binary.thread_pool_size) words.push_back(fmt::format("--thread-pool-size={}", *f.binary.thread_pool_size));
    return words;
}

Status settle_filesystem(Filesystem& f) {
    if (!wants_server(f)) return {};
    PV_ASSIGN_OR_RETURN(const FsProgram program, find_fs_program(f.binary.path));
    f.binary.path = program.path;
    // Neither is looked up from whatever folder this process is in.
    if (!program.path.starts_with('/') || ::access(program.path.c_str(), X_OK) != 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "virtiofsd binary '{}' is not executable", program.path);
    if (!f.source.dir.starts_with('/') || ::access(f.source.dir.c_str(), F_OK) != 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the virtiofs export directory '{}' does not exist", f.source.dir);
    return {};
}

Status settle_filesystems(sdk::domain::Domain& domain) {
    for (Filesystem& f : domain.devices.filesystems) PV_TRY(settle_filesystem(f));
    return {};
}

} // namespace polyvirt::qemu
