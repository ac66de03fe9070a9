// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the daemon remembers about loading from one run to the next, in a folder of its own: which plugins an
// administrator disabled, and which one it was starting when it crashed, or opening for a client. Any thread; waits for the disk. A
// record that cannot be written is worth a warning, not the plugin's start.

#include <atomic>
#include <cstdint>
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

    // In which a crash is a plugin's: loading and starting it with the daemon, or making an instance for a client.
    // Several of the latter may be under way at once.
    enum class Step : std::uint8_t { start, open };

    // How many runs in a row ended within such a step for this state of the plugin's file. This run's own steps do
    // not change it.
    [[nodiscard]] unsigned crashes(const std::string& id, const FileStamp& stamp, Step step = Step::start) const;
    // What end() needs: whether this step is remembered, and where.
    [[nodiscard]] std::string begin(const std::string& id, const FileStamp& stamp, Step step = Step::start);
    void end(const std::string& begun);
    // It has started (or the daemon ends well: no open of it ended a run), or it shall be tried anew.
    void forget_crashes(const std::string& id, Step step = Step::start);

    // For as long as it lives, a crash is that plugin's.
    class Watch {
      public:
        Watch(LoadRecord& record, const std::string& id, const FileStamp& stamp, Step step = Step::start)
            : record_(record), begun_(record.begin(id, stamp, step)) {}
        ~Watch() { record_.end(begun_); }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

      private:
        LoadRecord& record_;
        const std::string begun_;
    };

  private:
    struct Crash {
        unsigned count = 0;
        FileStamp stamp;
    };
    void read_crashes();
    Status write_crash(const std::string& file, const Crash& crash) const;
    [[nodiscard]] std::string crash_folder() const { return folder_ + "/starting"; }
    [[nodiscard]] std::string crash_file(const std::string& key) const { return crash_folder() + "/" + key; }
    [[nodiscard]] std::string disabled_file() const { return folder_ + "/disabled"; }

    const std::string folder_;
    mutable Mutex mu_{Rank::leaf};
    std::set<std::string> disabled_ PV_GUARDED_BY(mu_);
    std::map<std::string, Crash> crashes_ PV_GUARDED_BY(mu_); // of earlier runs, by key_of()
    std::atomic<unsigned> opens_{0};
};

} // namespace polyvirt::plugin
