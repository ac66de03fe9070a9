// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a document said that was accepted but not acted on: unknown elements and attributes, what
// is given twice, what this version keeps without understanding. For the log and for the messages
// that `virsh dominfo` prints. Values; no thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace polyvirt::sdk::xml {

struct Message {
    enum class Kind : unsigned char {
        unknown_element,
        unknown_attribute,
        repeated, // only the first of them counts
        doubtful, // taken as it is, though no document of that kind should say so
        kept,     // known, kept word for word, not acted on by this version
    };
    Kind kind = Kind::unknown_element;
    int line = 0;           // 0: not from a text
    std::string path;       // "domain/devices/disk[2]/target"
    std::string suggestion; // what was probably meant; empty: nothing near
    std::string text;       // complete: line, what was found, what it is taken for
};

// At most kMax are held; `dropped` counts the rest.
struct Messages {
    static constexpr std::size_t kMax = 200;
    std::vector<Message> list;
    std::size_t dropped = 0;

    void add(Message message);
    [[nodiscard]] bool empty() const { return list.empty(); }
};

// For the VALIDATE flags of clients: what is unknown or doubtful makes it no document of that kind. The
// error (xml_invalid_schema) tells the first of them, and how many more there are.
Status refuse_unknown(const Messages& messages);
// The same error for another reason.
Error not_valid(std::string text);
// What parse() made of a document, for the VALIDATE flags: a value or a structure that it refused is a schema's matter
// too, and so is what it found odd.
template <typename T> Result<T> by_schema(Result<T> parsed, const Messages& messages) {
    if (!parsed) return not_valid(std::move(parsed).error().message);
    PV_TRY(refuse_unknown(messages));
    return parsed;
}

// The candidate nearest to `word` by edits (insert, delete, replace, swap of neighbours; case
// counts half), when near enough to be meant; empty otherwise. For names of elements and values of
// tables.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

} // namespace polyvirt::sdk::xml
