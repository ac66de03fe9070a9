// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Pools whose volumes are files: a folder (dir), or a file system that the pool mounts (fs, netfs).

#include "backend.h"

namespace polyvirt::storage {

class FolderBackend : public Backend {
  public:
    using Backend::Backend;
    Task<Status> build(Place place, std::uint32_t flags) override;
    Task<Status> remove(Place place) override;
    Task<Result<bool>> is_started(Place place) override;
    Task<Result<Found>> refresh(Place place) override;
    Status settle(const Place& place, doc::Volume& volume) const override;
    Task<Status> create(Place place, Wish wish) override;
    Task<Status> remove_volume(Place place, VolumeDocument volume, std::uint32_t flags) override;
    Task<Status> resize(Place place, VolumeDocument volume, std::uint64_t capacity, std::uint32_t flags) override;
    Task<Result<Found>> look(Place place, VolumeDocument volume) override;
    Task<Status> discard(Place place, std::string path) override;

  private:
    Task<Status> create_by_tool(Place place, Wish wish, std::string part);
};

class MountBackend final : public FolderBackend {
  public:
    using FolderBackend::FolderBackend;
    Task<Status> start(Place place) override;
    Task<Status> stop(Place place) override;
    Task<Status> build(Place place, std::uint32_t flags) override;
    Task<Result<bool>> is_started(Place place) override;
    Task<Result<std::vector<doc::PoolSource>>> find_sources(std::optional<doc::PoolSource> source, Patience patience) override;
};

// What is mounted there: its source, by the kernel's list. Empty: nothing.
std::string mounted_at(const std::string& path, std::string_view mountinfo);
// What `mount` calls the source of a pool: "/dev/sdb1", "host:/dir", "//host/dir".
std::string mount_source(const doc::Pool& pool);

} // namespace polyvirt::storage
