// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Limits: what the kernel's control groups hold a guest to, in the documents' terms, for v1 and v2. Read from the kernel's
// files and written to them at once, so that what others have changed there is seen. Workers alone.
//
// What there is no controller for is operation_invalid, in the group's words.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/cgroup/cgroup.h"
#include "sdk/domain/tuning.h"

namespace polyvirt::sdk {

struct CpuBandwidth {
    std::optional<std::uint64_t> period; // us
    std::optional<std::int64_t> quota;   // us; negative: none
};
struct CpuTimes {
    std::uint64_t total = 0, user = 0, system = 0; // ns
};

// The groups within a guest's: all of it, the emulator's own threads, one virtual processor, one I/O thread.
struct Within {
    enum class Kind : std::uint8_t { guest, emulator, vcpu, iothread };
    Kind kind = Kind::guest;
    std::uint32_t id = 0;
};
std::string name_of(Within where);

class Limits {
  public:
    explicit Limits(cgroup::Group group) : group_(std::move(group)) {}

    [[nodiscard]] Result<sdk::domain::Memtune> memory() const; // absent: no limit
    [[nodiscard]] Status set_memory(const sdk::domain::Memtune& wanted) const;
    [[nodiscard]] Result<std::uint64_t> shares() const;
    [[nodiscard]] Status set_shares(std::uint64_t shares) const;
    // Of a group that nothing was put into: what the kernel begins with.
    [[nodiscard]] Result<CpuBandwidth> bandwidth(Within where) const;
    // What is not given stays.
    [[nodiscard]] Status set_bandwidth(Within where, const CpuBandwidth& wanted) const;
    [[nodiscard]] Result<std::uint32_t> weight() const;
    [[nodiscard]] Status set_weight(std::uint32_t weight) const;
    // Differences of the one to the other; what is only in `before` is taken away.
    [[nodiscard]] Status set_devices(const std::vector<sdk::domain::BlkioDevice>& before,
                                     const std::vector<sdk::domain::BlkioDevice>& after) const;
    [[nodiscard]] Status set_cpus(Within where, const sdk::xml::CpuSet& cpus) const;
    [[nodiscard]] Status set_nodes(const sdk::xml::CpuSet& nodes) const;

    [[nodiscard]] Result<CpuTimes> cpu_times() const;
    // By processor of the host, ns. v1 alone: v2 has no such file.
    [[nodiscard]] Result<std::vector<std::uint64_t>> cpu_times_by_processor() const;
    // The same of all virtual processors together.
    [[nodiscard]] Result<std::vector<std::uint64_t>> vcpu_times_by_processor() const;

    // A thread of the emulator that has come into being belongs there.
    [[nodiscard]] Status add_thread(Within where, std::int64_t tid) const;
    void drop(Within where) const;
    [[nodiscard]] bool empty() const { return group_.empty(); }

  private:
    [[nodiscard]] Result<cgroup::Group> at(Within where) const;
    [[nodiscard]] Status set_device(const sdk::domain::BlkioDevice& device, const sdk::domain::BlkioDevice& before) const;

    cgroup::Group group_;
};

} // namespace polyvirt::sdk
