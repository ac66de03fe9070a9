// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/messages.h"

#include "base/error_text.h"

#include <algorithm>

namespace polyvirt::sdk::xml {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Distance in half edits, so that a wrong case costs less than a wrong letter.
std::size_t distance(std::string_view a, std::string_view b) {
    const std::size_t columns = b.size() + 1;
    std::vector<std::size_t> before(columns), last(columns), now(columns);
    for (std::size_t j = 0; j < columns; j++)
        last[j] = 2 * j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        now[0] = 2 * i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            const char x = a[i - 1], y = b[j - 1];
            const std::size_t replace = x == y ? 0 : lower(x) == lower(y) ? 1 : 2;
            now[j] = std::min({last[j] + 2, now[j - 1] + 2, last[j - 1] + replace});
            if (i > 1 && j > 1 && x == b[j - 2] && a[i - 2] == y)
                now[j] = std::min(now[j], before[j - 2] + 2);
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[b.size()];
}

} // namespace

void Messages::add(Message message) {
    if (list.size() >= kMax)
        dropped++;
    else
        list.push_back(std::move(message));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    constexpr std::size_t kLongest = 64; // longer words are garbage, and the distance is quadratic
    if (word.empty() || word.size() > kLongest)
        return {};
    // One edit in a short word, up to a third of the letters in a long one.
    const std::size_t allowed = 2 * std::max<std::size_t>(1, word.size() / 3);
    std::string_view best;
    std::size_t best_distance = allowed + 1;
    for (const std::string_view c : candidates) {
        const std::size_t gap =
            c.size() > word.size() ? c.size() - word.size() : word.size() - c.size();
        if (c.empty() || 2 * gap >= best_distance)
            continue;
        const std::size_t d = distance(word, c);
        if (d < best_distance) {
            best = c;
            best_distance = d;
        }
    }
    return best;
}

Status refuse_unknown(const Messages& messages) {
    constexpr std::size_t kShown = 3;
    std::string text;
    std::size_t count = 0;
    for (const Message& m : messages.list) {
        if (m.kind == Message::Kind::kept || m.kind == Message::Kind::repeated)
            continue;
        if (count++ < kShown)
            text += (text.empty() ? "" : "\n") + m.text;
    }
    if (count == 0)
        return {};
    if (count > kShown)
        text += fmt::format("\nand {} more", count - kShown);
    return not_valid(text);
}

Error not_valid(std::string text) { return make_error_text(ErrorCode::xml_invalid_schema, ErrorDomain::xml, std::move(text)); }

} // namespace polyvirt::sdk::xml
