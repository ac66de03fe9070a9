// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The one table of what can be set in polyvirtd.yaml. A new setting is a new row in settings_table.cpp,
// a getter call where it is used ("config.integer("limits.max_clients")"), and a new line in
// docs/configuration.md, which is generated:
//
//     POLYVIRT_UPDATE_DOCS=1 build/release/bin/unit_daemon --gtest_filter='Settings.docs_*'
//
// Plain data, made at the first call; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::daemon {

enum class Kind : std::uint8_t {
    boolean,  // true, false, yes, no, on, off
    integer,  // decimal, from min to max
    size,     // bytes: 65536, 64KiB, 1MiB, 2GiB; units of 1024 (KiB, or K) or of 1000 (kB)
    duration, // milliseconds: 500ms, 30s (or 30), 5min, 2h, 1d
    text,
    choice, // one of `choices`
    list,   // of text; a single text is a list of one
    mode,   // permissions of a file, octal: 0770
};

enum class Effect : std::uint8_t {
    live,  // a reload applies it
    start, // the next start of the daemon does
};

// Further conditions on a text (or on each element of a list): empty, or what was expected instead.
using Check = std::string (*)(std::string_view text);

struct Setting {
    std::string path; // "limits.max_clients"
    Kind kind = Kind::text;
    Effect effect = Effect::start;
    std::string fallback; // the default, as it would be written; of a list: its elements, comma between
    std::string doc;      // one line
    std::int64_t min = 0, max = 0;              // integer, size, duration; both 0 = any that is not negative
    std::vector<std::string_view> choices = {}; // choice
    Check check = nullptr;
};

// Two settings of which the first must not exceed the second. If only one of them was given, the other one
// follows it.
struct Order {
    std::string low, high;
};

// In the order of the documentation: sections, and settings within each.
const std::vector<Setting>& settings();
const std::vector<Order>& setting_orders();
// Null if there is no such setting.
const Setting* find_setting(std::string_view path);

// What a setting has, whichever kind it is of.
struct Value {
    std::int64_t number = 0; // boolean, integer, size, duration (milliseconds), mode
    std::string text;        // text, choice
    std::vector<std::string> list;
    bool operator==(const Value&) const = default;
};

// One scalar as written; for a list, one element (which is appended). The error's message says what was
// found and what is expected, not where.
Status read_value(const Setting& setting, std::string_view written, Value& value);
// "an integer from 1 to 100", "one of a, b": what the setting takes.
std::string expected(const Setting& setting);
// As one would write it: the largest unit that fits. Of a list, with a comma between its elements.
std::string written(const Setting& setting, const Value& value);

// Settings whose path resembles `path`, the nearest first; at most three.
std::vector<std::string> similar_settings(std::string_view path);

// How many letters must change, come or go to make one text of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The table of docs/configuration.md.
std::string settings_markdown();

} // namespace polyvirt::daemon
