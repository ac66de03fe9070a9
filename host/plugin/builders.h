// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What host.build/1 fills: owned by the call (they stand in its out struct), read by dispatch when the
// op has succeeded. One thread at a time. Each is bounded; over its limit it refuses and stays failed.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <polyvirt/abi/base.h>

struct pv_sink {
    explicit pv_sink(std::size_t max_bytes) : max(max_bytes) {}
    std::string data;
    std::size_t max;
    bool written = false; // distinguishes "" from absent
    bool failed = false;
};

struct pv_params {
    struct Param {
        std::string field;
        pv_param value{}; // v.s points into `text`
        std::string text;
    };
    std::deque<Param> list; // stable addresses
    bool failed = false;
};

struct pv_strings {
    std::vector<std::string> list;
    bool failed = false;
};

struct pv_objs {
    std::vector<std::uint64_t> list;
    bool failed = false;
};

struct pv_groups {
    struct Group {
        std::uint64_t handle;
        pv_params params;
    };
    std::deque<Group> list;
    bool failed = false;
};

// How to copy a record: generated for each record type of the spec (gen/records.h).
struct pv_record_type {
    std::uint32_t size;
    // Copies `from` (at least its own `size` bytes of it) to `to` (zeroed, `size` bytes), texts and nested
    // arrays into storage that `owner` keeps alive.
    void (*copy)(const void* from, void* to, std::deque<std::string>& texts,
                 std::deque<std::vector<std::byte>>& arrays);
};

struct pv_records {
    explicit pv_records(const pv_record_type& t) : type(&t) {}
    const pv_record_type* type;
    std::vector<std::byte> data; // count * type->size
    std::size_t count = 0;
    std::deque<std::string> texts;
    std::deque<std::vector<std::byte>> arrays;
    bool failed = false;
};
