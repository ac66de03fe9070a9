// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What a user should know of a document that was accepted: unknown elements, what was given twice. Told by
// `virsh dominfo`, so it outlives the daemon: a driver that keeps descriptions in files keeps the notes in a
// comment before them, where people see them too.
//
//     records.put(name, with_notes(format_domain(domain, options), domain.notes));
//     domain.notes = notes_of(text);

#include <string>
#include <string_view>
#include <vector>

#include "sdk/xml/messages.h"

namespace polyvirt::sdk::domain {

// At most kMaxNotes, and a line that says how many more there are.
inline constexpr std::size_t kMaxNotes = 20;
std::vector<std::string> notes_from(const xml::Messages& messages);

std::string with_notes(std::string text, const std::vector<std::string>& notes);
// Of a text that with_notes() made; none of any other.
std::vector<std::string> notes_of(std::string_view text);

} // namespace polyvirt::sdk::domain
