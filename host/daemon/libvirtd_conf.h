// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// libvirtd.conf, the file of lines KEY = VALUE that hosts have when this daemon takes libvirtd's place: what
// stands in it, and which settings of ours its keys are. A key that has none says why. Plain data, any thread.
//
//     for (const ConfItem& item : parse_conf(text).items)
//         if (const ConfKey* key = find_conf_key(item.name))
//             const auto values = convert_conf(*key, item);   // as polyvirtd.yaml would have them

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::daemon {

struct ConfPlace {
    int line = 0, column = 0; // from 1
};

struct ConfScalar {
    std::string text;
    bool is_number = false;
    ConfPlace at{};
};

// One assignment. Not a list: one value.
struct ConfItem {
    std::string name;
    ConfPlace at{};
    bool is_list = false;
    std::vector<ConfScalar> values;
};

struct ConfProblem {
    ConfPlace at;
    std::string what;
};

struct ConfFile {
    std::vector<ConfItem> items;
    std::vector<ConfProblem> problems; // the rest of a line that is wrong is passed over
};

// Values are integers, texts in '...', "..." or """...""" (which alone may span lines), and lists of those in
// [...]; # begins a comment. At most 10,000 values, 64 problems.
ConfFile parse_conf(std::string_view text);

enum class ConfValue : std::uint8_t {
    none,    // the key has no meaning here
    same,    // as it stands
    flag,    // 0 or 1
    no_flag, // the other way round
    seconds, // -1: never, so 0
    level,   // 1 to 4: debug to error
    words,   // a text of words with blanks between: a list
    access,  // a list of access drivers, of which one is possible
};

struct ConfKey {
    std::string_view name;
    ConfValue value = ConfValue::none;
    std::string_view setting = {}, second = {}; // paths; `second`: set to the same
    std::string_view note = {};                 // what differs; of a key without setting: why
};

const std::vector<ConfKey>& conf_keys();
const ConfKey* find_conf_key(std::string_view name);
// The nearest key, empty if none is near.
std::string_view similar_conf_key(std::string_view name);

// What `item` says, as texts that read_value() takes. Empty: it says nothing beyond the default.
Result<std::vector<std::string>> convert_conf(const ConfKey& key, const ConfItem& item);

// The table of docs/configuration.md.
std::string conf_keys_markdown();

} // namespace polyvirt::daemon
