// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/loop_device.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "base/error_text.h"

namespace polyvirt::lxc {
namespace {
constexpr int kTries = 16; // others take free ones, too
}

Result<LoopDevice> attach_loop(const std::string& file, bool readonly) {
    const UniqueFd backing(::open(file.c_str(), (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC));
    if (!backing) return make_system_error(errno, ErrorDomain::lxc, "Unable to open '" + file + "'");
    const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (!control) return make_system_error(errno, ErrorDomain::lxc, "Unable to open /dev/loop-control");
    for (int i = 0; i < kTries; ++i) {
        const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0) break;
        LoopDevice loop;
        loop.path = fmt::format("/dev/loop{}", number);
        loop.fd = UniqueFd(::open(loop.path.c_str(), O_RDWR | O_CLOEXEC));
        if (!loop.fd) break;
        loop_config config{};
        config.fd = static_cast<__u32>(backing.get());
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (readonly) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
        if (::ioctl(loop.fd.get(), LOOP_CONFIGURE, &config) == 0) return loop;
        if (errno != EBUSY) break;
    }
    return make_system_error(errno, ErrorDomain::lxc, "no loop device to be had for '" + file + "'");
}

} // namespace polyvirt::lxc
