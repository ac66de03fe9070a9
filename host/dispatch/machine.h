// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Machine: what the kernel says of the host's processors and memory, read anew each time, and the files by which it is
// changed. Workers alone: files are read and written. A field that the kernel does not have is 0 or absent.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::dispatch {

class Machine {
  public:
    // `root`: below which proc and sys are; tests have their own.
    explicit Machine(std::string root = {}) : root_(std::move(root)) {}

    struct Topology {
        std::int32_t cpus = 0, nodes = 1, sockets = 1, cores = 1, threads = 1, mhz = 0;
    };
    [[nodiscard]] Topology topology() const;

    struct Memory {
        std::uint64_t total = 0, free = 0; // KiB
    };
    // Of all NUMA cells together; without cells, what /proc/meminfo says.
    [[nodiscard]] Memory memory() const;
    // Nothing: no such cell.
    [[nodiscard]] std::optional<Memory> cell_memory(int cell) const;
    [[nodiscard]] int last_cell() const; // 0 where there are none
    // A field of /proc/meminfo in KiB.
    [[nodiscard]] std::uint64_t meminfo(std::string_view field) const;

    struct CpuTimes {
        std::uint64_t user = 0, kernel = 0, idle = 0, iowait = 0; // ns
    };
    // Of one processor, or (-1) of all. Nothing: no such processor.
    [[nodiscard]] std::optional<CpuTimes> cpu_times(int cpu) const;

    // Processors that are present (one element each), and whether each is online.
    [[nodiscard]] std::vector<bool> cpu_map() const;

    // Free pages of `kib` each in a cell, or (-1) on the whole machine. Nothing: no such size there.
    [[nodiscard]] std::optional<std::uint64_t> free_pages(int cell, std::uint32_t kib) const;

    // A number of /sys/kernel/mm/ksm.
    [[nodiscard]] std::optional<std::uint64_t> ksm(const std::string& name) const;

    // Of the pool of huge pages of that size, of a cell or (-1) of the whole machine: how many there are.
    [[nodiscard]] static std::string page_pool(int cell, std::uint32_t kib);
    [[nodiscard]] static std::uint32_t system_page_kib();

    // Files of proc and sys. The first line; nothing: no such file, or no number.
    [[nodiscard]] std::string line(const std::string& path) const;
    [[nodiscard]] std::optional<std::uint64_t> number(const std::string& path) const;
    [[nodiscard]] bool has(const std::string& path) const;
    // Replaces what stands in a file that exists. 0, or an errno.
    [[nodiscard]] int write(const std::string& path, std::string_view text) const;

    // The SMBIOS document. Nothing: the machine shows none.
    [[nodiscard]] std::optional<std::string> sysinfo() const;

  private:
    [[nodiscard]] std::string bytes(const std::string& path, std::size_t most) const;

    std::string root_;
};

// "0-3,8" as one element per number up to the highest. Empty: not such a list, or one beyond a million.
std::vector<bool> parse_cpu_list(std::string_view text);

} // namespace polyvirt::dispatch
