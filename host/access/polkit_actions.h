// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The names under which administrators write rules for polkit: those of the peer, so that the rules of a
// host go on holding. Action org.libvirt.api.KIND.WHAT; details name the object.

#include <string>
#include <string_view>

#include "host/access/authority.h"
#include "host/access/subject.h"

namespace polyvirt::access {

// Whether a client may connect at all.
inline constexpr const char* kManageAction = "org.libvirt.unix.manage";
inline constexpr const char* kMonitorAction = "org.libvirt.unix.monitor"; // read-only

// "org.libvirt.api.storage-pool.search-storage-vols"
std::string api_action(Permission permission);
// `driver`: "QEMU". An object that is not known has no details of its own.
Question api_question(const Subject& subject, Permission permission, const Object& object, std::string_view driver);

} // namespace polyvirt::access
