// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The records of one instance (host.state/1): one file each, never half written. Any thread, but every call
// waits for the disk. Two writers of one record: the last rename wins, whole.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::plugin {

class Folders;

class StateStore {
  public:
    static constexpr std::size_t kMaxPart = 200;                        // bytes of a part of a name
    static constexpr std::size_t kMaxRecord = std::size_t{64} << 20;    // bytes of a record

    explicit StateStore(Folders& folders) : folders_(folders) {}

    // `area`: PV_STATE_*; `name`: see state.h. On failure the earlier record stands.
    [[nodiscard]] Status put(std::uint32_t area, std::string_view name, std::string_view data);
    // Empty: there is none.
    [[nodiscard]] Result<std::optional<std::string>> get(std::uint32_t area, std::string_view name);
    [[nodiscard]] Status del(std::uint32_t area, std::string_view name);
    using Visit = std::function<void(const std::string& name, const std::string& data)>;
    // `folder`: "" or one part. Records in order of names; see state.h.
    [[nodiscard]] Status each(std::uint32_t area, std::string_view folder, const Visit& visit);
    [[nodiscard]] Status set_aside(std::uint32_t area, std::string_view name, std::string_view why);

  private:
    // Where a record lies: its folder, open, and its name in there.
    struct Place {
        UniqueFd dir;
        std::string dir_name, file;
        [[nodiscard]] std::string path() const { return dir_name + "/" + file; }
    };
    // `make`: makes the folder. Without it, an absent folder gives a Place without `dir`.
    Result<Place> place(std::uint32_t area, std::string_view name, bool make);
    Result<Place> open_folder(std::uint32_t area, std::string_view folder, bool make);

    Folders& folders_;
};

} // namespace polyvirt::plugin
