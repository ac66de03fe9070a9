// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/vsock.h"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

// <linux/vhost.h> has it as VHOST_VSOCK_SET_GUEST_CID, but is no C++.
constexpr unsigned long kSetGuestCid = _IOW(0xAF, 0x60, std::uint64_t);
constexpr std::uint32_t kFirstGuest = 3; // below are the hypervisor, the local one and the host

bool take(const UniqueFd& fd, std::uint64_t cid) { return ::ioctl(fd.get(), kSetGuestCid, &cid) == 0; }

} // namespace

Result<UniqueFd> take_cid(sdk::domain::Vsock& vsock) {
    UniqueFd fd(::open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC));
    if (!fd)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "unable to open vhost-vsock device: {}",
                          std::system_category().message(errno));
    if (vsock.cid_auto != sdk::domain::YesNo::yes) {
        if (take(fd, vsock.cid.value_or(0))) return fd;
        return make_system_error(errno, ErrorDomain::none, "failed to set guest cid");
    }
    std::uint32_t cid = kFirstGuest;
    for (; !take(fd, cid); cid++) {
        if (errno != EADDRINUSE || cid == std::numeric_limits<std::uint32_t>::max())
            return make_system_error(errno, ErrorDomain::none, "failed to acquire guest cid");
    }
    vsock.cid = cid;
    return fd;
}

} // namespace polyvirt::qemu
