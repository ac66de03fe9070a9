// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cpu/x86.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "sdk/cpu/x86_tables.h"

namespace polyvirt::sdk::cpu {
namespace {

struct VendorRow {
    std::string_view name, cpuid;
};
constexpr VendorRow kVendors[] = {
    {"", ""}, {"Intel", "GenuineIntel"}, {"AMD", "AuthenticAMD"}, {"Hygon", "HygonGenuine"}};

// The next word of `text`, which loses it; empty at the end.
std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

std::uint32_t take_number(std::string_view& text) {
    std::uint32_t n = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), n).ptr;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return n;
}

// "6/85:5-7"
X86Model::Part parse_part(std::string_view text) {
    X86Model::Part p;
    p.family = take_number(text);
    text.remove_prefix(1);
    p.model = take_number(text);
    if (text.empty()) return p;
    text.remove_prefix(1);
    p.stepping_first = take_number(text);
    text.remove_prefix(1);
    p.stepping_last = take_number(text);
    return p;
}

std::string with_dashes(std::string_view name) {
    std::string text(name);
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '_' || c == '.'; }, '-');
    return text;
}

template <typename Pairs> auto look_up(const Pairs& sorted, std::string_view name) {
    const auto it = std::lower_bound(sorted.begin(), sorted.end(), name,
                                     [](const auto& pair, std::string_view n) { return pair.first < n; });
    return it != sorted.end() && it->first == name ? std::optional(it->second) : std::nullopt;
}

} // namespace

std::string_view vendor_name(X86Vendor vendor) {
    return kVendors[static_cast<std::size_t>(vendor)].name;
}

std::optional<X86Vendor> vendor_of_name(std::string_view name) {
    for (std::size_t i = 1; i < std::size(kVendors); i++) {
        if (kVendors[i].name == name) return static_cast<X86Vendor>(i);
    }
    return std::nullopt;
}

X86Vendor vendor_of_cpuid(std::string_view text) {
    for (std::size_t i = 1; i < std::size(kVendors); i++) {
        if (kVendors[i].cpuid == text) return static_cast<X86Vendor>(i);
    }
    return X86Vendor::unknown;
}

bool X86Model::stands_for(const X86Signature& s) const {
    return std::any_of(parts.begin(), parts.end(), [&](const Part& p) {
        return p.family == s.family && p.model == s.model && p.stepping_first <= s.stepping &&
               s.stepping <= p.stepping_last;
    });
}

const X86& X86::known() {
    static const X86 x86;
    return x86;
}

X86::X86() {
    read_words();
    read_models();
}

void X86::read_words() {
    for (const tables::WordRow& row : tables::kWords) {
        unsigned bit = 0;
        for (std::string_view rest = row.bits, word; !(word = take_word(rest)).empty();) {
            if (word.front() == '.') {
                word.remove_prefix(1);
                bit += word.empty() ? 1 : take_number(word);
                continue;
            }
            features_.push_back({word, row.word, bit++, true});
        }
    }
    PV_ASSERT(features_.size() <= kMaxFeatures);
    for (std::size_t i = 0; i < features_.size(); i++) {
        by_name_.emplace_back(features_[i].name, i);
        by_spelling_.emplace_back(with_dashes(features_[i].name), i);
        migratable_.set(i);
    }
    std::sort(by_name_.begin(), by_name_.end());
    for (const tables::Synonym& s : tables::kSynonyms)
        by_spelling_.emplace_back(s.emulators, *look_up(by_name_, s.ours));
    std::sort(by_spelling_.begin(), by_spelling_.end());
    migratable_ &= ~parse(tables::kNotMigratable);
    for (std::size_t i = 0; i < features_.size(); i++) features_[i].migratable = migratable_[i];
}

void X86::read_models() {
    for (const tables::ModelRow& row : tables::kModels) {
        X86Model m;
        m.name = row.name;
        if (const auto vendor = vendor_of_name(row.vendor)) m.vendor = *vendor;
        m.for_hosts = row.use != tables::Use::none;
        m.for_guests = row.use == tables::Use::both;
        for (std::string_view rest = row.parts, word; !(word = take_word(rest)).empty();)
            m.parts.push_back(parse_part(word));
        if (!row.from.empty()) {
            const X86Model* from = model(row.from);
            PV_ASSERT(from != nullptr);
            m.features = from->features;
        }
        for (std::string_view rest = row.change, word; !(word = take_word(rest)).empty();) {
            const char sign = word.front();
            if (sign == '-') m.features &= ~parse(word.substr(1));
            else if (sign == '~') m.removed |= parse(word.substr(1));
            else m.features |= parse(word);
        }
        models_.push_back(std::move(m));
    }
}

FeatureSet X86::parse(std::string_view names) const {
    FeatureSet set;
    for (std::string_view word; !(word = take_word(names)).empty();) {
        const auto f = feature(word);
        PV_ASSERT(f.has_value());
        set.set(*f);
    }
    return set;
}

std::optional<std::size_t> X86::feature(std::string_view name) const {
    return look_up(by_name_, name);
}

std::optional<std::size_t> X86::feature_of_emulator(std::string_view name) const {
    if (const auto exact = feature(name)) return exact;
    return look_up(by_spelling_, with_dashes(name));
}

const X86Model* X86::model(std::string_view name) const {
    const auto it = std::find_if(models_.begin(), models_.end(),
                                 [&](const X86Model& m) { return m.name == name; });
    return it != models_.end() ? &*it : nullptr;
}

std::string emulator_name(std::string_view feature) {
    if (feature == "pclmuldq") return "pclmulqdq";
    std::string text(feature);
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

} // namespace polyvirt::sdk::cpu
