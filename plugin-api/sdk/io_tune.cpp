// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/io_tune.h"

#include <algorithm>
#include <span>

namespace polyvirt::sdk {

using domain::DiskIotune;

namespace {

using Member = U64 DiskIotune::*;
constexpr Member IoTuneRate::*kColumns[] = {&IoTuneRate::rate, &IoTuneRate::peak, &IoTuneRate::length};
constexpr const char* kSuffixes[] = {"", "_max", "_max_length"};

bool named(const IoTuneFields& fields, std::string_view field) { return std::find(fields.begin(), fields.end(), field) != fields.end(); }

std::span<const IoTuneRate> family(std::size_t first) { return std::span(kIoTuneRates).subspan(first, kIoTuneFamily); }

} // namespace

Status check_exclusive(const DiskIotune& t, ErrorDomain from) {
    for (std::size_t first = 0; first < std::size(kIoTuneRates); first += kIoTuneFamily) {
        const auto rates = family(first);
        for (const std::size_t column : {std::size_t{0}, std::size_t{1}}) {
            const auto set = [&](const IoTuneRate& r) { return (t.*(r.*kColumns[column])).value_or(0) != 0; };
            if (!set(rates[0]) || (!set(rates[1]) && !set(rates[2]))) continue;
            const std::string_view kind = std::string_view(rates[0].name).substr(std::string_view("total_").size());
            return make_error(ErrorCode::invalid_arg, from, "total and read/write of {}{} cannot be set at the same time", kind,
                              kSuffixes[column]);
        }
    }
    return {};
}

Result<DiskIotune> merge_io_tune(const DiskIotune& before, const DiskIotune& given, const IoTuneFields& fields, ErrorDomain from) {
    DiskIotune now = before;
    for (std::size_t first = 0; first < std::size(kIoTuneRates); first += kIoTuneFamily) {
        for (std::size_t column = 0; column < std::size(kColumns); ++column) {
            const auto rates = family(first);
            const bool asked = std::any_of(rates.begin(), rates.end(),
                                           [&](const IoTuneRate& r) { return named(fields, std::string(r.name) + kSuffixes[column]); });
            if (!asked) continue;
            for (const IoTuneRate& r : rates) now.*(r.*kColumns[column]) = given.*(r.*kColumns[column]);
        }
    }
    if (named(fields, PV_DOMAIN_BLOCK_IOTUNE_SIZE_IOPS_SEC)) now.size_iops_sec = given.size_iops_sec;
    if (named(fields, PV_DOMAIN_BLOCK_IOTUNE_GROUP_NAME)) now.group_name = given.group_name;
    for (const IoTuneRate& r : kIoTuneRates) {
        const std::uint64_t rate = (now.*r.rate).value_or(0), peak = (now.*r.peak).value_or(0);
        // How long a peak lasts goes with it.
        if (peak == 0 && !named(fields, std::string(r.name) + "_max_length")) (now.*r.length).reset();
        if (peak == 0) continue;
        if (rate == 0) return make_error(ErrorCode::config_unsupported, from, "cannot reset '{0}' when '{0}_max' is set", r.name);
        if (peak < rate) return make_error(ErrorCode::config_unsupported, from, "value '{0}_max' cannot be smaller than '{0}'", r.name);
    }
    return now;
}

bool limits_io(const DiskIotune& tune) {
    return std::any_of(std::begin(kIoTuneRates), std::end(kIoTuneRates), [&](const IoTuneRate& r) {
        return (tune.*r.rate).value_or(0) != 0 || (tune.*r.peak).value_or(0) != 0 || (tune.*r.length).value_or(0) != 0;
    });
}

} // namespace polyvirt::sdk
