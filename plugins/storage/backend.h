// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Backend: what a type of pools stands on. One object per type, without state: coroutines that take what they need by
// value and do all their work through the agent. What a type cannot do says so in the peer's words by default.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent.h"
#include "pool.h"

namespace polyvirt::storage {

// A pool as a back end sees it.
struct Place {
    PoolDocument pool;
    Patience patience;
    [[nodiscard]] const std::string& path() const { return pool->target->path; }
    [[nodiscard]] const std::string& name() const { return pool->name; }
};

// What a refresh finds.
struct Found {
    std::uint64_t capacity = 0, allocation = 0, available = 0;
    bool has_sizes = false;
    std::optional<doc::Permissions> permissions;
    std::vector<VolumeDocument> volumes;
    std::uint64_t skipped = 0; // files that are no volumes
};

// A volume to be made.
struct Wish {
    doc::Volume volume;
    std::shared_ptr<const doc::Volume> from; // whose contents it gets; null: none
    std::string id;                          // unique: of its file in the making
    bool metadata = false, reflink = false;
};

class Backend {
  public:
    explicit Backend(Agent& agent) : agent_(agent) {}
    virtual ~Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    // Of the pool.
    virtual Task<Status> start(Place place);
    virtual Task<Status> stop(Place place);
    virtual Task<Status> build(Place place, std::uint32_t flags);
    virtual Task<Status> remove(Place place);
    virtual Task<Result<bool>> is_started(Place place) = 0;
    virtual Task<Result<Found>> refresh(Place place) = 0;

    // Of volumes. Type, path and key of one that is to be made.
    virtual Status settle(const Place& place, doc::Volume& volume) const;
    virtual Task<Status> create(Place place, Wish wish);
    virtual Task<Status> remove_volume(Place place, VolumeDocument volume, std::uint32_t flags);
    virtual Task<Status> resize(Place place, VolumeDocument volume, std::uint64_t capacity, std::uint32_t flags);
    // What there is of it now, and the pool's sizes if they are to be had.
    virtual Task<Result<Found>> look(Place place, VolumeDocument volume);
    // What is left of volumes that were in the making when the daemon ended: `what` as in their records.
    virtual Task<Status> discard(Place place, std::string path);
    // The path that stands in the record of a volume in the making.
    [[nodiscard]] virtual std::string part_of(const Place& place, const Wish& wish) const;
    [[nodiscard]] virtual bool has_contents() const { return true; } // upload, download, wipe

    // A document with <source>s of pools that could be. `source`: where to look; null: anywhere.
    virtual Task<Result<std::vector<doc::PoolSource>>> find_sources(std::optional<doc::PoolSource> source, Patience patience);

  protected:
    Agent& agent_;
};

// null: there is none for that type.
using BackendPtr = std::unique_ptr<Backend>;
BackendPtr make_backend(doc::PoolType type, Agent& agent);
// The types that there are back ends for.
bool has_backend(doc::PoolType type);

// --- for back ends ---

// What the helper answers. `base` keeps what only a volume's document says. Null base: a fresh one.
Found found_of(const Answer& answer, const doc::Volume* base = nullptr);
doc::Volume volume_of(const Facts& facts, const doc::Volume* base);
// mode, owner and group: what is said of them.
Facts permission_facts(const std::optional<doc::Permissions>& permissions);

} // namespace polyvirt::storage
