// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ownership/access.h"

#include <cerrno>
#include <cstring>
#include <deque>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {
namespace {

constexpr int kMaxLinks = 40; // as the kernel
constexpr std::uint16_t kUser = 0x02, kGroupObj = 0x04, kGroup = 0x08, kMask = 0x10;

struct AclEntry { // little endian on disk, as on every machine this is built for
    std::uint16_t tag, perm;
    std::uint32_t id;
};

std::string triple(unsigned bits) {
    std::string text = "---";
    if ((bits & kRead) != 0) text[0] = 'r';
    if ((bits & kWrite) != 0) text[1] = 'w';
    if ((bits & kSearch) != 0) text[2] = 'x';
    return text;
}

std::vector<AclEntry> entries_of(const std::string& acl) {
    std::vector<AclEntry> entries;
    for (std::size_t at = 4; at + sizeof(AclEntry) <= acl.size(); at += sizeof(AclEntry)) { // behind the version
        AclEntry entry{};
        std::memcpy(&entry, acl.data() + at, sizeof entry);
        entries.push_back(entry);
    }
    return entries;
}

// With entries of further users and groups, in the order of acl(5).
std::optional<std::string> acl_refuses(const Identity& who, const struct stat& st, const std::vector<AclEntry>& entries, unsigned rights) {
    unsigned mask = 7;
    for (const AclEntry& e : entries)
        if (e.tag == kMask) mask = e.perm;
    for (const AclEntry& e : entries)
        if (e.tag == kUser && e.id == who.uid && who.uid != st.st_uid) {
            if ((e.perm & mask & rights) == rights) return std::nullopt;
            return fmt::format("ACL entry user:{}:{} with mask {}", e.id, triple(e.perm), triple(mask));
        }
    bool met = false;
    for (const AclEntry& e : entries) {
        const bool here = (e.tag == kGroupObj && who.in_group(st.st_gid)) || (e.tag == kGroup && who.in_group(e.id));
        if (here && (e.perm & mask & rights) == rights) return std::nullopt;
        met = met || here;
    }
    if (met) return fmt::format("ACL entries of its groups with mask {}", triple(mask));
    if ((st.st_mode & rights) == rights) return std::nullopt;
    return fmt::format("ACL entry other::{}", triple(st.st_mode & 7));
}

struct Component {
    UniqueFd fd;
    struct stat st {};
    std::string path;

    [[nodiscard]] std::string acl() const {
        std::string value(4096, '\0');
        const std::string by_fd = fmt::format("/proc/self/fd/{}", fd.get());
        const ssize_t n = ::getxattr(by_fd.c_str(), "system.posix_acl_access", value.data(), value.size());
        value.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return value;
    }
};

std::string right_name(unsigned rights) {
    if (rights == kSearch) return "search";
    if (rights == kRead) return "read";
    return rights == kWrite ? "write" : "read and write";
}

std::optional<Refusal> refusal_at(const Identity& who, const Component& at, unsigned rights, bool last) {
    const auto why = refuses(who, at.st, at.acl(), rights);
    if (!why) return std::nullopt;
    const std::string bits = fmt::format("{}{}{}", (rights & kRead) != 0 ? "r" : "", (rights & kWrite) != 0 ? "w" : "",
                                         (rights & kSearch) != 0 ? "x" : "");
    return Refusal{at.path, right_name(rights), *why, fmt::format("setfacl -m u:{}:{} '{}'", who.user, bits, at.path), last};
}

void push_parts(std::deque<std::string>& todo, const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (end > begin && path.compare(begin, end - begin, ".") != 0) parts.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    todo.insert(todo.begin(), parts.begin(), parts.end());
}

std::string read_link(const UniqueFd& link) {
    std::string target(4096, '\0');
    const ssize_t n = ::readlinkat(link.get(), "", target.data(), target.size());
    target.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return target;
}

Result<Component> open_component(int folder, const std::string& name, const std::string& path) {
    Component c;
    c.path = path;
    c.fd = UniqueFd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!c.fd || ::fstat(c.fd.get(), &c.st) != 0) return make_system_error(errno, ErrorDomain::none, "cannot look at '" + path + "'");
    return c;
}

} // namespace

std::optional<std::string> refuses(const Identity& who, const struct stat& st, const std::string& acl, unsigned rights) {
    unsigned allowed = st.st_mode & 7;
    if (who.uid == st.st_uid) allowed = st.st_mode >> 6 & 7;
    else if (const auto entries = entries_of(acl); entries.size() > 3) return acl_refuses(who, st, entries, rights);
    else if (who.in_group(st.st_gid)) allowed = st.st_mode >> 3 & 7;
    if ((allowed & rights) == rights) return std::nullopt;
    return fmt::format("mode {:04o}, owner {}:{}", st.st_mode & 07777, st.st_uid, st.st_gid);
}

Result<std::optional<Refusal>> find_refusal(const Identity& who, const std::string& path, unsigned rights) {
    std::deque<std::string> todo;
    push_parts(todo, path);
    PV_ASSIGN_OR_RETURN(Component root, open_component(AT_FDCWD, "/", "/"));
    std::vector<Component> way;
    way.push_back(std::move(root));
    int links = 0;
    while (!todo.empty()) {
        const std::string name = std::move(todo.front());
        todo.pop_front();
        if (const auto no = refusal_at(who, way.back(), kSearch, false)) return no;
        if (name == "..") {
            if (way.size() > 1) way.pop_back();
            continue;
        }
        const std::string full = (way.size() > 1 ? way.back().path : "") + "/" + name;
        PV_ASSIGN_OR_RETURN(Component next, open_component(way.back().fd.get(), name, full));
        if (!S_ISLNK(next.st.st_mode)) {
            way.push_back(std::move(next));
            continue;
        }
        if (++links > kMaxLinks) return make_system_error(ELOOP, ErrorDomain::none, "cannot look at '" + path + "'");
        const std::string target = read_link(next.fd);
        if (target.starts_with('/')) way.erase(way.begin() + 1, way.end());
        push_parts(todo, target);
    }
    if (rights == 0) return std::optional<Refusal>();
    return refusal_at(who, way.back(), rights, true);
}

Error refused(const Identity& who, const std::string& path, const Refusal& r) {
    return make_system_error(EACCES, ErrorDomain::qemu,
                             fmt::format("cannot access storage file '{}' (as uid:{}, gid:{}): '{}' refuses to let user '{}' {} ({}); "
                                         "to allow it: {}",
                                         path, who.uid, who.gid, r.component, who.user,
                                         r.last ? r.right + " it" : "search it for what is in it", r.layer, r.fix));
}

} // namespace polyvirt::qemu
