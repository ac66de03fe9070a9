// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Instance: one running instance of a plugin ("system", "session", a test:///file of one client): its
// pv_inst, its copies of the op tables, its registry, loops, jobs, files, and the trampoline through which every op
// is entered. Made by PluginManager; shared by whoever has a call in it. The plugin's code stays mapped for
// ever; pv_inst lives until stop() is through, the Instance until its last owner lets go.
//
// Threads: enter() and the getters from any thread; create/start/stop/destroy on the control thread (or a
// worker that opens a URI), one at a time.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <polyvirt/abi/entry.h>

#include "base/result.h"
#include "base/sync.h"
#include "host/plugin/call.h"
#include "host/plugin/op_catalog.h"
#include "host/plugin/registry.h"

namespace polyvirt::plugin {

enum class InstanceState : std::uint8_t { created, started, stopping, stopped, failed };

class Instance : public std::enable_shared_from_this<Instance> {
  public:
    struct Stats {
        std::uint64_t entered = 0, in_flight = 0, waiting = 0;
        std::uint64_t status_mended = 0; // ops that broke "error recorded if and only if failed"
        std::uint64_t failed = 0;
        std::uint64_t callbacks = 0, slow_callbacks = 0; // on its loops
        std::uint64_t event_bytes = 0, events_dropped = 0; // that wait for the events thread; that found no room
    };

    virtual ~Instance() = default;

    [[nodiscard]] virtual const std::string& plugin_id() const = 0;
    [[nodiscard]] virtual const std::string& key() const = 0;           // "system"
    [[nodiscard]] virtual const std::string& canonical_uri() const = 0; // what clients are told
    // From the manifest: `type` ("QEMU"), and `error_domain`, the wire's number for this driver's errors.
    [[nodiscard]] virtual const std::string& type_name() const = 0;
    [[nodiscard]] virtual ErrorDomain error_domain() const = 0;
    [[nodiscard]] virtual InstanceState state() const = 0;
    // Whether objects of this kind are this plugin's own (its manifest's `kinds`).
    [[nodiscard]] virtual bool has_kind(std::uint32_t kind) const = 0;

    // Whether the slot of op_number(table, slot) is filled. Two loads.
    [[nodiscard]] virtual bool implements(std::uint32_t op) const noexcept = 0;

    // Enters the driver: on this thread at once if the instance's concurrency model allows it, else on a
    // worker as soon as it does; this thread never waits. `call->finished()` runs exactly once, perhaps before
    // enter() returns, perhaps much later. `obj`, `in` and `out` belong to the call (its arena) and live as long.
    // An op that is not implemented, or an instance that is stopping, finishes the call with an error.
    virtual void enter(std::shared_ptr<Call> call, std::uint32_t op, const pv_obj* obj, const void* in,
                       void* out) PV_ENTERS_DRIVER = 0;

    [[nodiscard]] virtual Registry& registry() = 0;
    // For the host services: what stands behind the plugin's pv_host.
    [[nodiscard]] virtual pv_host* host() = 0;
    // Runs `f` on the instance's shared loop; false if that has ended (`f` is then destroyed unrun).
    virtual bool post(std::function<void()> f) = 0;
    [[nodiscard]] virtual Stats stats() const = 0;

    // For Call alone: a call into this instance has finished; its driver broke the contract.
    virtual void call_ended() noexcept = 0;
    virtual void note_misbehaviour() noexcept = 0;
    virtual void note_failure() noexcept {}
};

} // namespace polyvirt::plugin
