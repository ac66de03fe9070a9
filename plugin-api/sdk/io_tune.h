// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Limits on the I/O of a disk: the API's parameters held against <iotune>, and the rules among them.

#include <array>

#include <polyvirt/abi/gen/constants.h>

#include "sdk/domain/disk.h"
#include "sdk/params.h"

namespace polyvirt::sdk {

using IoTuneRow = ParamRow<domain::DiskIotune>;
// In the order in which clients get them.
#define PV_ROW(macro, member) {PV_DOMAIN_BLOCK_IOTUNE_##macro, &domain::DiskIotune::member}
inline constexpr IoTuneRow kIoTuneRows[] = {
    PV_ROW(TOTAL_BYTES_SEC, total_bytes_sec),
    PV_ROW(READ_BYTES_SEC, read_bytes_sec),
    PV_ROW(WRITE_BYTES_SEC, write_bytes_sec),
    PV_ROW(TOTAL_IOPS_SEC, total_iops_sec),
    PV_ROW(READ_IOPS_SEC, read_iops_sec),
    PV_ROW(WRITE_IOPS_SEC, write_iops_sec),
    PV_ROW(TOTAL_BYTES_SEC_MAX, total_bytes_sec_max),
    PV_ROW(READ_BYTES_SEC_MAX, read_bytes_sec_max),
    PV_ROW(WRITE_BYTES_SEC_MAX, write_bytes_sec_max),
    PV_ROW(TOTAL_IOPS_SEC_MAX, total_iops_sec_max),
    PV_ROW(READ_IOPS_SEC_MAX, read_iops_sec_max),
    PV_ROW(WRITE_IOPS_SEC_MAX, write_iops_sec_max),
    PV_ROW(SIZE_IOPS_SEC, size_iops_sec),
    PV_ROW(GROUP_NAME, group_name),
    PV_ROW(TOTAL_BYTES_SEC_MAX_LENGTH, total_bytes_sec_max_length),
    PV_ROW(READ_BYTES_SEC_MAX_LENGTH, read_bytes_sec_max_length),
    PV_ROW(WRITE_BYTES_SEC_MAX_LENGTH, write_bytes_sec_max_length),
    PV_ROW(TOTAL_IOPS_SEC_MAX_LENGTH, total_iops_sec_max_length),
    PV_ROW(READ_IOPS_SEC_MAX_LENGTH, read_iops_sec_max_length),
    PV_ROW(WRITE_IOPS_SEC_MAX_LENGTH, write_iops_sec_max_length),
};
#undef PV_ROW

// A rate, its peak, and for how long that may last; by bytes or by requests; of all, of reads, of writes.
struct IoTuneRate {
    const char* name;
    U64 domain::DiskIotune::*rate;
    U64 domain::DiskIotune::*peak;
    U64 domain::DiskIotune::*length;
};
#define PV_RATE(name) {#name, &domain::DiskIotune::name, &domain::DiskIotune::name##_max, &domain::DiskIotune::name##_max_length}
inline constexpr IoTuneRate kIoTuneRates[] = {PV_RATE(total_bytes_sec), PV_RATE(read_bytes_sec), PV_RATE(write_bytes_sec),
                                              PV_RATE(total_iops_sec),  PV_RATE(read_iops_sec),  PV_RATE(write_iops_sec)};
#undef PV_RATE
// Rates come in threes: total, read, write.
inline constexpr std::size_t kIoTuneFamily = 3;

// What is asked for at once: "total" and "read" or "write" of one kind exclude each other. `from` is whom the error is of.
Status check_exclusive(const domain::DiskIotune& tune, ErrorDomain from);

// What the document has after `given` was asked for, of which `fields` were named: each family of rates, of peaks and of
// lengths is replaced as a whole, the rest stays. Errors: a peak without its rate, or below it.
using IoTuneFields = std::vector<std::string_view>;
Result<domain::DiskIotune> merge_io_tune(const domain::DiskIotune& before, const domain::DiskIotune& given, const IoTuneFields& fields,
                                         ErrorDomain from);
// Whether there is any limit.
bool limits_io(const domain::DiskIotune& tune);

} // namespace polyvirt::sdk
