// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// About: what a driver says of itself, and the manifest's text made of it when compiling: `provides` from implements<>,
// `needs` from the services that the glue fetches. docs/plugin-abi.md has the keys' meaning.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <polyvirt/implements.h>

namespace polyvirt::plugin {

enum class Concurrency : std::uint32_t {
    serial = PV_CONCURRENCY_SERIAL_ALL,
    serial_per_object = PV_CONCURRENCY_SERIAL_PER_OBJECT,
    parallel = PV_CONCURRENCY_PARALLEL,
};

// Lists are names with commas: "domain, network".
struct About {
    const char* id = "";
    const char* version = "";
    const char* uri = "";    // schemes
    const char* kinds = "";  // of objects that it has itself
    const char* serves = ""; // those that other drivers' connections get from it too
    const char* uses = "";   // kinds of other drivers that it calls
    const char* type = "";   // what clients are told; empty: the id
    std::uint32_t error_domain = 0;
    Concurrency concurrency = Concurrency::serial_per_object;
    const char* needs = ""; // further services
    const char* build_id = "";
};

// A table that a driver makes itself, of slots (polyvirt/slots.h), instead of having it made of its methods: when something
// is to happen around each op. The driver lists them as
//     static constexpr plugin::OwnTable kTables[] = {{PV_IFACE_DOM_CONFIG, dom_config_table}, ...};
// and has no Implements.
struct OwnTable {
    const char* id;
    const void* (*table)(); // valid for ever
};

namespace detail {

template <typename D> concept HasOwnTables = requires { D::kTables[0].table; };

template <typename D> const void* own_table(std::string_view id) {
    for (const OwnTable& row : D::kTables)
        if (id == row.id) return row.table();
    return nullptr;
}

template <std::size_t N> struct Text {
    std::array<char, N> bytes{};
    std::size_t length = 0;
    constexpr void add(std::string_view text) {
        for (const char c : text) bytes.at(length++) = c; // beyond the array: does not compile
    }
    constexpr void add(std::uint32_t number) {
        if (number >= 10) add(number / 10);
        bytes.at(length++) = static_cast<char>('0' + number % 10);
    }
    constexpr void list(std::string_view key, std::string_view items) {
        if (items.empty()) return;
        add(key);
        add(": [");
        add(items);
        add("]\n");
    }
    [[nodiscard]] constexpr std::string_view view() const { return {bytes.data(), length}; }
};

template <typename D> consteval auto manifest_text() {
    constexpr const About& about = D::kAbout;
    Text<8192> text, seen;
    text.add("id: ");
    text.add(about.id);
    text.add("\nabi: [");
    text.add(PV_ABI_MAJOR);
    text.add(", ");
    text.add(Services::kMinMinor);
    text.add("]\n");
    const auto provide = [&seen](std::string_view id) {
        for (std::size_t at = 0; at + id.size() <= seen.length; ++at)
            if (seen.view().substr(at, id.size()) == id) return;
        if (seen.length != 0) seen.add(", ");
        seen.add(id);
    };
    if constexpr (HasOwnTables<D>) {
        for (const OwnTable& row : D::kTables) provide(row.id);
    } else {
        each_op(
            [&]<typename Op>(Op*) {
                provide(Op::kTable);
                return false;
            },
            sources_of<D>());
    }
    text.list("provides", seen.view());
    text.add("needs: [");
    const auto need = [&text](const Services::Needed& service) {
        if (text.view().back() != '[') text.add(", ");
        text.add(service.id);
        text.add(">=");
        text.add(service.size);
    };
    for (const Services::Needed& service : Services::kNeeds) need(service);
    if (about.uses[0] != '\0') need(Services::kDriver);
    if (about.needs[0] != '\0') text.add(", ");
    text.add(about.needs);
    text.add("]\n");
    text.list("uri", about.uri);
    text.list("kinds", about.kinds);
    text.list("serves", about.serves);
    text.list("uses", about.uses);
    text.add("type: ");
    text.add(about.type[0] != '\0' ? about.type : about.id);
    text.add("\nerror_domain: ");
    text.add(about.error_domain);
    text.add("\n");
    return text;
}

// As PV_MANIFEST lays it out.
template <std::size_t N> struct Note {
    std::uint32_t namesz = 9, descsz = N, type = 1;
    char name[12] = "polyvirt";
    char desc[(N + 3) / 4 * 4] = {};
};
template <typename D> consteval auto manifest_note() {
    constexpr auto text = manifest_text<D>();
    Note<text.length + 1> note;
    for (std::size_t i = 0; i < text.length; ++i) note.desc[i] = text.bytes[i];
    return note;
}

} // namespace detail

} // namespace polyvirt::plugin
