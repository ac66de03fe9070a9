// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Sealed records: contents that can tell whether they are whole. host.state writes a record whole or not at all, but a
// disk may still give back half of it, or zeros; what has a grammar of its own (XML, JSON) notices, other contents need a
// seal. It is a last line:  #sealed 1 LENGTH CHECKSUM
//
// SealedRecords are records of which each is sealed. One that is torn is set aside (NAME.broken), named in the log with
// what was found and what was expected, and reported to the caller; the others are read.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sdk/records.h"

namespace polyvirt::sdk {

// `contents` and its seal. Any bytes.
[[nodiscard]] std::string seal(std::string_view contents);
// The contents, a part of `sealed`. Error: it is torn, and how.
[[nodiscard]] Result<std::string_view> unseal(std::string_view sealed);

// Waits for the disk, as Records do: workers and start-up alone, no lock held.
class SealedRecords {
  public:
    SealedRecords(const plugin::Services& s, std::uint32_t area, ErrorDomain domain)
        : records_(s, area, domain), domain_(domain) {}

    [[nodiscard]] Status put(const std::string& name, std::string_view data, pv_call* call = nullptr) const {
        return records_.put(name, seal(data), call);
    }
    // Absent: an empty optional. Error: it cannot be read, or was torn and is set aside.
    [[nodiscard]] Result<std::optional<std::string>> get(const std::string& name, std::size_t max_length) const;
    [[nodiscard]] Status remove(const std::string& name) const { return records_.remove(name); }
    // Calls `use` for every whole record of a folder ("" = top), in order of names. The number of torn ones.
    [[nodiscard]] Result<std::size_t>
    each(const std::string& folder, const std::function<void(const std::string& name, std::string_view data)>& use) const;

  private:
    Error torn(const std::string& name, const Error& why) const;

    const Records records_;
    const ErrorDomain domain_;
};

} // namespace polyvirt::sdk
