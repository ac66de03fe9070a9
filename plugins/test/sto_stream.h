// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The contents of volumes over streams. [worker] Both return once the stream is attached; the transfer goes on on the
// driver's loop, and the volume cannot be deleted until it is over.

#include "pools.h"

namespace polyvirt::test {

Status begin_upload(Driver& driver, pv_stream* stream, const StorageVolumePtr& volume, std::uint64_t offset, std::uint64_t length)
    PV_NO_LOCKS_HELD;
// `sparse`: holes are told as such.
Status begin_download(Driver& driver, pv_stream* stream, const StorageVolumePtr& volume, std::uint64_t offset, std::uint64_t length,
                      bool sparse) PV_NO_LOCKS_HELD;

} // namespace polyvirt::test
