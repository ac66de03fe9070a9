// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Another name for a domain. Its records are named by it: the new ones are on disk before the old ones go, so a daemon
// that dies in between finds the domain, under either name.

#include <cerrno>
#include <utility>

#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "firmware/choose.h"
#include "sdk/domain/notes.h"

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
    sdk::domain::PackedDomainPtr config;
    bool autostart = false;
    {
        const ObjectLock lock(guest->mu);
        PV_TRY(check_renamable(*guest, name));
        config = guest->config;
        autostart = guest->autostart;
    }
    for (const GuestPtr& other : guests_.all())
        if (other->name == name) return invalid(fmt::format("domain with name '{}' already exists", name));
    PV_ASSIGN_OR_RETURN(Domain domain, config->unpack());
    domain.name = name;
    PV_ASSIGN_OR_RETURN(const std::string old_nvram, link_nvram(domain, guest->name));
    const std::string text = sdk::domain::with_notes(format_domain(domain, {.inactive = true, .secure = true}), domain.notes);
    PV_ASSIGN_OR_RETURN(sdk::domain::PackedDomainPtr packed, sdk::domain::PackedDomain::pack(domain, text));
    if (autostart) PV_TRY(configs_.put(autostart_record(name), guest->uuid.to_string() + "\n", call));
    PV_TRY(configs_.put(config_record(name), text, call));
    const auto fresh = std::make_shared<Guest>(guest->uuid, name);
    {
        const ObjectLock lock(guest->mu);
        post_lifecycle(*guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_RENAMED);
    }
    {
        const ObjectLock lock(fresh->mu);
        fresh->config = std::move(packed);
        fresh->autostart = autostart;
    }
    guests_.remove(*guest);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.state = PV_DOMAIN_SHUTOFF;
    desc.attrs = PV_ATTR_PERSISTENT | (autostart ? PV_ATTR_AUTOSTART : 0);
    PV_TRY(guests_.add(fresh, nullptr, desc));
    PV_TRY(configs_.remove(autostart_record(guest->name)));
    PV_TRY(configs_.remove(config_record(guest->name)));
    if (!old_nvram.empty()) ::unlink(old_nvram.c_str());
    const ObjectLock lock(fresh->mu);
    show(*fresh);
    post_lifecycle(*fresh, PV_DOMAIN_EVENT_DEFINED, PV_DOMAIN_EVENT_DEFINED_RENAMED);
    return {};
}

} // namespace polyvirt::qemu
