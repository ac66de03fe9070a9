// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/filters.h"

#include <algorithm>
#include <array>
#include <thread>

#include <fnmatch.h>

#include "base/error_text.h"

namespace polyvirt::logging {
namespace {

constexpr std::size_t kMaxWords = 256, kMaxText = 16384, kMaxCategory = 128;

// Also a part of the category matches.
std::string pattern_of(std::string_view name) {
    std::string pattern;
    if (name.front() != '*') pattern += '*';
    pattern += name;
    if (pattern.back() != '*') pattern += '*';
    return pattern;
}

Error wrong(std::string_view what) { return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "{}", what); }

} // namespace

Result<log::Level> parse_level(std::string_view text, std::string_view what) {
    if (text.size() == 1 && text[0] >= '1' && text[0] <= '4') return static_cast<log::Level>(text[0] - '0');
    return wrong(fmt::format("Invalid priority '{}' for {}, expected 1 (debug), 2 (info), 3 (warning) or 4 (error)",
                             text.substr(0, 80), what.substr(0, 200)));
}

Result<std::vector<std::string_view>> split_words(std::string_view text, std::string_view what) {
    if (text.size() > kMaxText)
        return wrong(fmt::format("{} of {} bytes, at most {} are taken", what, text.size(), kMaxText));
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (words.size() > kMaxWords)
        return wrong(fmt::format("{} {}, at most {} are taken", words.size(), what, kMaxWords));
    return words;
}

Result<Filters> Filters::parse(std::string_view text, log::Level fallback) {
    Filters filters(fallback);
    PV_ASSIGN_OR_RETURN(const std::vector<std::string_view> words, split_words(text, "log filters"));
    for (const std::string_view word : words) {
        const std::string what = fmt::format("filter '{}'", word.substr(0, 80));
        const std::size_t colon = word.find(':');
        if (colon == std::string_view::npos)
            return wrong(fmt::format("Malformed format for {}, expected LEVEL:NAME", what));
        PV_ASSIGN_OR_RETURN(const log::Level level, parse_level(word.substr(0, colon), what));
        std::string_view name = word.substr(colon + 1);
        if (name.starts_with('+')) name.remove_prefix(1); // once asked for stack traces; clients still write it
        if (name.empty()) return wrong(fmt::format("Invalid match string '' in {}, expected a name", what));
        filters.list_.push_back({level, pattern_of(name)});
    }
    return filters;
}

log::Level Filters::threshold(std::string_view category) const {
    if (list_.empty()) return fallback_;
    std::array<char, kMaxCategory> name{}; // fnmatch wants an end
    category.copy(name.data(), name.size() - 1);
    for (const Filter& filter : list_)
        if (::fnmatch(filter.pattern.c_str(), name.data(), FNM_NOESCAPE) == 0) return filter.level;
    return fallback_;
}

log::Level Filters::lowest() const {
    log::Level lowest = fallback_;
    for (const Filter& filter : list_) lowest = std::min(lowest, filter.level);
    return lowest;
}

std::string Filters::text() const {
    std::string out;
    for (const Filter& filter : list_)
        out += fmt::format("{}{}:{}", out.empty() ? "" : " ", static_cast<int>(filter.level), filter.pattern);
    return out;
}

Filters Filters::with_fallback(log::Level fallback) const {
    Filters copy = *this;
    copy.fallback_ = fallback;
    return copy;
}

LiveFilters::LiveFilters() : now_(new Filters) {}
LiveFilters::~LiveFilters() { delete now_.load(); }

bool LiveFilters::wants(log::Level level, std::string_view category) const {
    readers_.fetch_add(1);
    const bool wanted = level >= now_.load()->threshold(category);
    readers_.fetch_sub(1);
    return wanted;
}

// A reader that counts itself after the zero was seen finds the new filters: all of this is sequentially
// consistent.
void LiveFilters::replace(std::unique_ptr<const Filters> filters) {
    const std::unique_ptr<const Filters> old(now_.exchange(filters.release()));
    while (readers_.load() != 0) std::this_thread::yield();
}

} // namespace polyvirt::logging
