// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Another name for a domain, and for its file of firmware variables.

#include <cerrno>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "firmware/choose.h"

namespace polyvirt::qemu {
namespace {

Error invalid(std::string_view text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); }

Status check_renamable(const Guest& guest, const std::string& name) PV_REQUIRES(guest.mu) {
    if (guest.removed) return no_domain(guest);
    if (guest.active()) return invalid("cannot rename active domain");
    if (!guest.config) return invalid("cannot rename a transient domain");
    if (guest.managed_save) return invalid("domain with a managed saved state can't be renamed");
    if (!guest.snapshots.empty()) return invalid("cannot rename domain with snapshots");
    if (!guest.checkpoints.empty()) return invalid("cannot rename domain with checkpoints");
    if (name == guest.name) return invalid("Can't rename domain to itself");
    return {};
}

} // namespace

// The file of firmware variables that is named after the domain gets its new name too, and keeps the old one until the
// records are written. The old one's path; empty: there is none.
Result<std::string> Driver::link_nvram(Domain& domain, const std::string& old_name) const {
    const std::string from = fmt::format("{}/{}_VARS.fd", nvram_folder(), old_name);
    const std::string to = fmt::format("{}/{}_VARS.fd", nvram_folder(), domain.name);
    const std::string named = nvram_file(domain);
    if (!named.empty() && named != from) return std::string();
    if (named == from) domain.os.nvram->path = to;
    if (::access(from.c_str(), F_OK) != 0) return std::string();
    // Whatever is there belongs to no domain: the name is free.
    if ((::unlink(to.c_str()) != 0 && errno != ENOENT) || ::link(from.c_str(), to.c_str()) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot name the file '" + from + "' '" + to + "'");
    return from;
}

Status Driver::rename_guest(const GuestPtr& guest, const std::string& name, pv_call* call) {
    {
        const ObjectLock lock(guest->mu);
        PV_TRY(check_renamable(*guest, name));
    }
    for (const GuestPtr& other : guests_.all()) // whose file of variables would be lost
        if (other->name == name) return invalid(fmt::format("domain with name '{}' already exists", name));
    PV_ASSIGN_OR_RETURN(Domain domain, definitions_.copy(guest));
    domain.name = name;
    PV_ASSIGN_OR_RETURN(const std::string old_nvram, link_nvram(domain, guest->name));
    PV_TRY(definitions_.rename(guest, domain, call));
    if (!old_nvram.empty()) ::unlink(old_nvram.c_str());
    return {};
}

} // namespace polyvirt::qemu
