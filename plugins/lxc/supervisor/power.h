// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Asking a container's init to end or begin anew.

#include <sys/types.h>

namespace polyvirt::lxc {

// Through the pipe that SysV's and systemd's init read (/dev/initctl, /run/initctl) in the container. 0, or an errno:
// ENOENT where it has none, ENXIO where nobody reads it.
int ask_initctl(pid_t init, char runlevel);

} // namespace polyvirt::lxc
