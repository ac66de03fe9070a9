// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/notes.h"

#include <fmt/core.h>

namespace polyvirt::sdk::domain {
namespace {

constexpr std::string_view kBegin = "<!-- ignored configuration:\n", kEnd = "-->\n";

// A comment may hold no "--", and a note is a line.
std::string as_line(std::string_view note) {
    std::string out;
    for (const char c : note) {
        if (c == '-' && !out.empty() && out.back() == '-')
            out += ' ';
        out += c == '\n' || c == '\r' ? ' ' : c;
    }
    if (!out.empty() && out.back() == '-')
        out += ' ';
    return out;
}

} // namespace

std::vector<std::string> notes_from(const xml::Messages& messages) {
    std::vector<std::string> notes;
    for (const xml::Message& m : messages.list) {
        if (notes.size() == kMaxNotes)
            break;
        notes.push_back(m.text);
    }
    const std::size_t all = messages.list.size() + messages.dropped;
    if (all > notes.size())
        notes.push_back(fmt::format("and {} more", all - notes.size()));
    return notes;
}

std::string with_notes(std::string text, const std::vector<std::string>& notes) {
    if (notes.empty())
        return text;
    std::string head(kBegin);
    for (const std::string& note : notes) head += as_line(note) + "\n";
    return head + std::string(kEnd) + text;
}

std::vector<std::string> notes_of(std::string_view text) {
    std::vector<std::string> notes;
    if (!text.starts_with(kBegin))
        return notes;
    text.remove_prefix(kBegin.size());
    while (!text.empty() && !text.starts_with(kEnd) && notes.size() <= kMaxNotes) {
        const std::size_t end = text.find('\n');
        notes.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return notes;
}

} // namespace polyvirt::sdk::domain
