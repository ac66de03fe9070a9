// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a plugin says about itself, read from the ELF note of its file without running any of it. The
// file is not trusted here: every offset and length in it is checked against the file.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::plugin {

// One line of `needs`: "host.loop/1>=64".
struct Need {
    std::string id;
    std::uint32_t size = 0;
};

struct Manifest {
    std::string id; // [A-Za-z0-9._-], at most 64 bytes, no leading dot: also the name of its folders
    std::uint32_t abi_major = 0, abi_minor = 0;
    std::vector<std::string> provides;
    std::vector<Need> needs;
    std::vector<std::string> uri;
    // PV_KIND_*: kinds of its own objects; kinds it provides to the connections of other drivers; kinds
    // of other drivers that it calls.
    std::vector<std::uint32_t> kinds, serves, uses;
    std::string version;            // the author's; empty if not said (the plugin's table says it too)
    std::string type;               // what clients are told of the driver ("QEMU"); without it the id
    std::uint32_t error_domain = 0; // the wire's number of its errors
};

// A service of the host, for the check of `needs`.
struct Offer {
    std::string_view id;
    std::uint32_t size = 0;
};

// The text of the note. `path` is for messages. Errors: not a shared object of this machine's format, no
// note, or a file that contradicts itself.
[[nodiscard]] Result<std::string> read_manifest_note(int fd, const std::string& path);
[[nodiscard]] Result<Manifest> parse_manifest(const std::string& text, const std::string& path);
// Whether this host can serve it; the refusal names what is missing and both versions.
[[nodiscard]] Status check_manifest(const Manifest& manifest, const std::vector<Offer>& offers,
                                    const std::string& path);

// PV_KIND_* of "domain", "network", "network_port", ...; PV_KIND_NONE if there is none of that name.
[[nodiscard]] std::uint32_t kind_from_name(std::string_view name);
[[nodiscard]] std::string_view kind_name(std::uint32_t kind);

} // namespace polyvirt::plugin
