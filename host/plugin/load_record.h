// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the daemon remembers about loading from one run to the next, in a folder of its own: which plugins an
// administrator disabled, and which one it was starting when it crashed. Any thread; waits for the disk. A
// record that cannot be written is worth a warning, not the plugin's start.

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/sync.h"
#include "host/plugin/plugin_file.h"

namespace polyvirt::plugin {

class LoadRecord {
  public:
    // Empty: nothing is remembered.
    explicit LoadRecord(std::string folder);

    [[nodiscard]] std::set<std::string> disabled() const;
    // On disk when it returns.
    [[nodiscard]] Status set_disabled(const std::string& id, bool disabled);

    // How many runs in a row ended between begin() and end() for this state of the plugin's file. This run's own
    // steps do not change it.
    [[nodiscard]] unsigned crashes(const std::string& id, const FileStamp& stamp) const;
    void begin(const std::string& id, const FileStamp& stamp);
    void end(const std::string& id);
    // It has started, or shall be tried anew.
    void forget_crashes(const std::string& id);

    // For as long as it lives, a crash is that plugin's.
    class Watch {
      public:
        Watch(LoadRecord& record, std::string id, const FileStamp& stamp) : record_(record), id_(std::move(id)) {
            record_.begin(id_, stamp);
        }
        ~Watch() { record_.end(id_); }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

      private:
        LoadRecord& record_;
        const std::string id_;
    };

  private:
    struct Crash {
        unsigned count = 0;
        FileStamp stamp;
    };
    void read_crashes();
    [[nodiscard]] std::string crash_folder() const { return folder_ + "/starting"; }
    [[nodiscard]] std::string crash_file(const std::string& id) const { return crash_folder() + "/" + id; }
    [[nodiscard]] std::string disabled_file() const { return folder_ + "/disabled"; }

    const std::string folder_;
    mutable Mutex mu_{Rank::leaf};
    std::set<std::string> disabled_ PV_GUARDED_BY(mu_);
    std::map<std::string, Crash> crashes_ PV_GUARDED_BY(mu_); // of earlier runs
};

} // namespace polyvirt::plugin
