// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "backends/devices.h"

#include "base/error_text.h"

namespace polyvirt::storage {
namespace {

std::string host_of(const doc::Pool& pool) {
    std::string name = pool.source->adapter ? pool.source->adapter->name : std::string();
    if (name.starts_with("scsi_")) name.erase(0, 5); // as node devices call it
    return name;
}

} // namespace

Task<Status> DevicesBackend::start(Place place) {
    if (place.pool->type == doc::PoolType::scsi && host_of(*place.pool).empty())
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::storage,
                             "storage pool '{}': adapters are found by the name of their host alone ('host0')", place.name());
    co_return Status{};
}

Task<Result<bool>> DevicesBackend::is_started(Place) { co_return true; }

Task<Result<Found>> DevicesBackend::refresh(Place place) {
    const bool scsi = place.pool->type == doc::PoolType::scsi;
    Facts request = {{"host", host_of(*place.pool)}, {"path", place.path()}};
    std::string verb = scsi ? "scsi" : "multipath";
    auto answer = co_await agent_.ask(std::move(verb), std::move(request), place.patience);
    PV_CO_TRY(answer);
    co_return found_of(*answer);
}

} // namespace polyvirt::storage
