// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/params.h"

#include <sys/stat.h>

#include "base/error_text.h"
#include "sdk/params.h"
#include "sdk/settings.h"

namespace polyvirt::qemu {

Status check_save_flags(std::uint32_t flags, std::uint32_t known, const char* function) {
    if ((flags & ~known) != 0)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "unsupported flags (0x{:x}) in function {}", flags & ~known, function);
    if ((flags & PV_DOMAIN_SAVE_RUNNING) != 0 && (flags & PV_DOMAIN_SAVE_PAUSED) != 0)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "running and paused flags in {} are mutually exclusive", function);
    return {};
}

Result<SaveParams> read_save_params(const pv_param* params, std::uint32_t count, std::uint32_t flags, std::uint32_t known, const char* function) {
    PV_TRY(check_save_flags(flags, known, function));
    SaveParams read;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string_view field = params[i].field;
        std::string* const to = field == PV_DOMAIN_SAVE_PARAM_FILE ? &read.file : field == PV_DOMAIN_SAVE_PARAM_DXML ? &read.dxml : nullptr;
        if (to == nullptr) return sdk::unknown_param(params[i].field);
        if (params[i].type != PV_PARAM_STRING) return sdk::wrong_param_type(params[i], PV_PARAM_STRING);
        if (params[i].v.s != nullptr) *to = params[i].v.s;
    }
    if (read.file.empty()) return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "save image file path must be provided");
    if (!read.file.starts_with('/'))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "the file '{}' of a saved guest is no absolute path", read.file);
    return read;
}

std::string setting(const plugin::Services& s, const char* key) {
    return sdk::SettingsReader(s, "qemu").text(key).value_or("");
}

std::string temporary_for(const std::string& path, const Uuid& guest) {
    struct stat facts {};
    // A link is replaced by no file: what it leads to is written.
    if (::lstat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) return path;
    return fmt::format("{}.{}.part", path, guest.to_string());
}

} // namespace polyvirt::qemu
