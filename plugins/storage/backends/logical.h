// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Pools that are LVM's volume groups, through its programs.

#include "backend.h"

namespace polyvirt::storage {

class LogicalBackend final : public Backend {
  public:
    using Backend::Backend;
    Task<Status> start(Place place) override;
    Task<Status> stop(Place place) override;
    Task<Status> build(Place place, std::uint32_t flags) override;
    Task<Status> remove(Place place) override;
    Task<Result<bool>> is_started(Place place) override;
    Task<Result<Found>> refresh(Place place) override;
    Status settle(const Place& place, doc::Volume& volume) const override;
    Task<Status> create(Place place, Wish wish) override;
    Task<Status> remove_volume(Place place, VolumeDocument volume, std::uint32_t flags) override;
    Task<Result<Found>> look(Place place, VolumeDocument volume) override;
    Task<Status> discard(Place place, std::string path) override;
    [[nodiscard]] std::string part_of(const Place& place, const Wish& wish) const override;
    Task<Result<std::vector<doc::PoolSource>>> find_sources(std::optional<doc::PoolSource> source, Patience patience) override;

  private:
    Task<Status> run(std::vector<std::string> argv, Patience patience);
    Task<Status> fill(Place place, Wish wish);
};

// What they are asked for.
inline constexpr char kVolumeColumns[] = "lv_name,lv_uuid,lv_size,lv_attr,origin,devices,seg_size,vg_extent_size";
inline constexpr char kGroupColumns[] = "vg_name,vg_size,vg_free";
inline constexpr char kDeviceColumns[] = "pv_name,vg_name";
// What lvs, vgs and pvs say. Errors: internal_error where it makes no sense.
Result<std::vector<VolumeDocument>> logical_volumes(std::string_view lvs, const std::string& folder);
Status take_group_sizes(std::string_view vgs, Found& found);
Result<std::vector<doc::PoolSource>> volume_groups(std::string_view pvs);
std::vector<std::string> create_logical(const Wish& wish, const std::string& group, const std::string& tag);

} // namespace polyvirt::storage
