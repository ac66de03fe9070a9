// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The host's side of a plugin's life: load, create, start, call, stop, destroy. What goes wrong on the way is complained
// about to the case that judges it; GiveUp ends the case that cannot go on. The case's main thread alone.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <polyvirt/abi/client.h>
#include <polyvirt/abi/entry.h>

#include "tools/conform/host/calls.h"

namespace polyvirt::conform {

using OpFn = pv_status (*)(pv_inst*, pv_call*, const pv_obj*, const void*, void*) PV_NOEXCEPT;

// What a plugin says to a URI that it serves.
struct Probed {
    std::int32_t score = 0;
    std::uint32_t lifetime = 0;
    std::string canonical, instance;
};

// The plugin in this process, loaded once.
class Plugin {
  public:
    static Plugin& load(const Subject& subject);
    [[nodiscard]] const pv_plugin& table() const { return table_; }
    // Once more, as every host may do that loads it twice.
    const pv_plugin* enter(std::string& why) const;
    // What it answers for a URI; nothing if it is not the plugin's.
    [[nodiscard]] std::optional<Probed> probe(const std::string& uri, bool privileged) const;

  private:
    void* library_ = nullptr;
    pv_plugin_entry_fn entry_ = nullptr;
    pv_plugin table_{};
};

// The URI that is checked and the instance that it leads to.
struct Address {
    std::string uri, instance;
    bool privileged = false;
};
Address find_address(const Subject& subject);

class Life {
  public:
    Life(const Subject& subject, std::string instance);
    ~Life();
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;

    // The status of create(); negative: nothing has been made.
    pv_status create();
    // False: it failed, with an error; destroy() follows.
    bool start(std::uint32_t how = PV_START_COLD);
    void begin(); // create and start, or GiveUp
    void reconfigure();
    void stop(std::uint32_t why = PV_STOP_SHUTDOWN);
    void destroy();
    void end(); // stop and destroy

    [[nodiscard]] OpFn slot(const OpSpec& op) const; // null: there is none
    [[nodiscard]] std::vector<const OpSpec*> ops() const; // that it has
    [[nodiscard]] const void* interface(const char* id) const;
    [[nodiscard]] pv_host* host() const { return host_; }
    [[nodiscard]] const pv_plugin& plugin() const { return plugin_.table(); }
    [[nodiscard]] const Subject& subject() const { return subject_; }
    [[nodiscard]] bool started() const { return started_; }
    // Calls that have not ended.
    [[nodiscard]] std::vector<pv_call*> open_calls() const;
    void note_call(pv_call* call) { calls_.push_back(call); }
    // Tells the plugin that the client has gone, of all that it asked to hear.
    void close_client(std::uint64_t client);

  private:
    void copy_tables();
    const Subject& subject_;
    Plugin& plugin_;
    pv_host* host_;
    bool created_ = false, started_ = false;
    std::map<std::string, std::vector<OpFn>> tables_;
    const pv_client* client_ = nullptr;
    std::vector<pv_call*> calls_;
};

} // namespace polyvirt::conform
