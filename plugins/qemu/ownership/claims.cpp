// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ownership/claims.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "ownership/access.h"

namespace polyvirt::qemu {
namespace {

struct Opened {
    UniqueFd fd;
    struct stat st {};
};

// Nothing is opened for reading or writing: a device would notice, and a file of a network storage may not answer.
Result<Opened> look_at(const Identity& who, const std::string& path) {
    Opened file;
    file.fd = UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!file.fd || ::fstat(file.fd.get(), &file.st) != 0)
        return make_system_error(errno, ErrorDomain::qemu,
                                 fmt::format("Cannot access storage file '{}' (as uid:{}, gid:{})", path, who.uid, who.gid));
    return file;
}

bool same_file(const struct stat& st, const Claim& claim) { return st.st_dev == claim.device && st.st_ino == claim.inode; }

} // namespace

Result<std::vector<Claim>> Claims::reserve(const Identity& who, const std::vector<Need>& needs) {
    std::vector<Claim> out;
    for (const Need& need : needs) {
        const Status one = reserve_one(who, need, out);
        if (one) continue;
        give_back(out);
        return one.error();
    }
    return out;
}

Status Claims::reserve_one(const Identity& who, const Need& need, std::vector<Claim>& out) {
    PV_ASSIGN_OR_RETURN(const Opened file, look_at(who, need.path));
    const unsigned rights = need.write ? kRead | kWrite : kRead;
    PV_ASSIGN_OR_RETURN(const auto refusal, find_refusal(who, need.path, rights));
    Claim claim{need.path, file.st.st_dev, file.st.st_ino, file.st.st_uid, file.st.st_gid, who.uid, who.gid};
    if (!need.label.empty()) {
        PV_ASSIGN_OR_RETURN(const Identity of_file, identity_of_label(need.label));
        claim.new_uid = of_file.uid;
        claim.new_gid = of_file.gid;
    }
    {
        // Another guest has it: it is kept until the last of them is done.
        const LeafLock lock(mu_);
        const auto held = held_.find({claim.device, claim.inode});
        if (!refusal && held == held_.end()) return {};
        if (!refusal) {
            held->second.guests++;
            claim.uid = held->second.uid;
            claim.gid = held->second.gid;
            out.push_back(std::move(claim));
            return {};
        }
    }
    // What an owner may not do, being the owner does not help; nor does it on the way to the file.
    struct stat owned = file.st;
    owned.st_uid = claim.new_uid;
    owned.st_gid = claim.new_gid;
    const bool may = ::geteuid() == 0 && !need.keep;
    if (!refusal->last || !may || refuses(who, owned, "", rights)) return refused(who, need.path, *refusal);
    const LeafLock lock(mu_);
    const auto [held, fresh] = held_.try_emplace(Key{claim.device, claim.inode}, Held{claim.uid, claim.gid, 0});
    held->second.guests++;
    claim.uid = held->second.uid;
    claim.gid = held->second.gid;
    out.push_back(std::move(claim));
    return {};
}

Status Claims::apply(const std::vector<Claim>& claims) const {
    for (const Claim& claim : claims) {
        const UniqueFd fd(::open(claim.path.c_str(), O_PATH | O_CLOEXEC));
        struct stat st {};
        if (!fd || ::fstat(fd.get(), &st) != 0) return make_system_error(errno, ErrorDomain::qemu, "cannot open '" + claim.path + "'");
        if (!same_file(st, claim)) continue; // replaced meanwhile
        if (::fchownat(fd.get(), "", claim.new_uid, claim.new_gid, AT_EMPTY_PATH) != 0)
            return make_system_error(errno, ErrorDomain::qemu,
                                     fmt::format("unable to set user and group to '{}:{}' on '{}'", claim.new_uid, claim.new_gid, claim.path));
    }
    return {};
}

void Claims::give_back(const std::vector<Claim>& claims) {
    for (const Claim& claim : claims) {
        {
            const LeafLock lock(mu_);
            const auto held = held_.find({claim.device, claim.inode});
            if (held != held_.end() && --held->second.guests > 0) continue;
            if (held != held_.end()) held_.erase(held);
        }
        const UniqueFd fd(::open(claim.path.c_str(), O_PATH | O_CLOEXEC));
        struct stat st {};
        if (!fd || ::fstat(fd.get(), &st) != 0 || !same_file(st, claim)) continue; // removed or replaced: another's now
        if (st.st_uid != claim.new_uid || st.st_gid != claim.new_gid) continue;    // somebody has changed it since
        if (::fchownat(fd.get(), "", claim.uid, claim.gid, AT_EMPTY_PATH) != 0)
            log::warning("ownership", "'{}' is not given back to {}:{}: errno {}", claim.path, claim.uid, claim.gid, errno);
    }
}

void Claims::restore(const std::vector<Claim>& claims) {
    const LeafLock lock(mu_);
    for (const Claim& claim : claims)
        held_.try_emplace({claim.device, claim.inode}, Held{claim.uid, claim.gid, 0}).first->second.guests++;
}

} // namespace polyvirt::qemu
