// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/overlay.h"

#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "block/jobs.h"
#include "command/blockdev.h"
#include "moments/bitmaps.h"
#include "run.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

template <typename Use> void each_disk(Domain& domain, const std::vector<Overlay>& overlays, const Use& use) {
    for (const Overlay& overlay : overlays)
        for (Disk& disk : domain.devices.disks)
            if (disk.target.dev == overlay.disk.target.dev) use(disk, overlay);
}

sdk::Task<Status> close_all(std::shared_ptr<Run> run, std::vector<std::uint32_t> numbers) {
    for (const std::uint32_t number : numbers) (void)co_await close_nodes_of(run, number);
    co_return Status{};
}

} // namespace

void put_overlays(Domain& domain, const Snapshot& snapshot) {
    for (const SnapshotDisk& line : snapshot.disks) {
        if (line.snapshot != "external" || !line.source) continue;
        for (Disk& disk : domain.devices.disks) {
            if (disk.target.dev != line.name) continue;
            disk.backing.clear(); // what is below is found in the files at the next start
            disk.type = line.type == "block" ? DiskType::block : DiskType::file;
            disk.source = line.source;
            disk.driver.type = line.driver.type;
        }
    }
}

void put_overlays(Domain& domain, const std::vector<Overlay>& overlays) {
    each_disk(domain, overlays, [](Disk& disk, const Overlay& overlay) {
        Chain chain = chain_of(disk);
        chain.links.insert(chain.links.begin(), overlay.link);
        set_chain(disk, chain);
    });
}

void drop_overlays(Domain& domain, const std::vector<Overlay>& overlays) {
    each_disk(domain, overlays, [](Disk& disk, const Overlay& overlay) {
        Chain chain = chain_of(disk);
        if (chain.links.empty() || chain.links.front().number() != overlay.link.number()) return;
        chain.links.erase(chain.links.begin());
        set_chain(disk, chain);
    });
}

sdk::Task<Status> open_nodes_of(std::shared_ptr<Run> run, Disk disk, Link link, std::string below) {
    NodePlace place;
    place.top = true;
    place.ended = below.empty();
    place.below = std::move(below);
    return add_image(std::move(run), std::move(disk), std::move(link), std::move(place));
}

sdk::Task<Status> close_nodes_of(std::shared_ptr<Run> run, std::uint32_t number) {
    Json format = {{"node-name", format_node(number)}};
    Json storage = {{"node-name", storage_node(number)}};
    const auto first = co_await run->qmp("blockdev-del", std::move(format));
    const auto second = co_await run->qmp("blockdev-del", std::move(storage));
    if (!first || !second) log::info("block", "domain '{}': {}", run->guest()->name, (first ? second : first).error().message);
    co_return Status{};
}

sdk::Task<Status> switch_to(std::shared_ptr<Run> run, std::vector<Overlay> overlays) {
    std::vector<std::uint32_t> opened;
    Json steps = Json::array();
    for (const Overlay& overlay : overlays) {
        const Status open = co_await open_nodes_of(run, overlay.disk, overlay.link, std::string());
        if (!open) {
            (void)co_await close_all(run, opened);
            co_return open;
        }
        opened.push_back(overlay.link.number());
        steps.push_back(step("blockdev-snapshot", {{"node", overlay.node}, {"overlay", format_node(overlay.link.number())}}));
    }
    Json arguments = Json::object();
    arguments["actions"] = std::move(steps);
    const auto switched = co_await run->qmp("transaction", std::move(arguments));
    if (switched) co_return Status{};
    (void)co_await close_all(run, opened);
    co_return switched.error();
}

} // namespace polyvirt::qemu
