// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "trees.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/core.h>

#include "sdk/xml/reader.h"

namespace polyvirt::reference {

namespace xml = sdk::xml;

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

namespace {

// One line per element, attribute and text, with its path, so that two trees can be held side by
// side.
void facts(const xml::Node& n, const std::string& path, std::vector<std::string>& out) {
    std::map<std::string, std::string> attributes;
    for (const auto& a : n.attributes)
        attributes[a.name] = a.value;
    std::string line = path + "/" + n.name;
    for (const auto& [k, v] : attributes)
        if (k.rfind("xmlns", 0) != 0)
            line += " " + k + "=" + v;
    bool elements = false;
    for (const auto& c : n.children)
        elements |= c.is_element();
    if (!elements) {
        std::string text = n.text();
        const auto first = text.find_first_not_of(" \n\t\r");
        if (first != std::string::npos)
            line += " > " + text.substr(first, text.find_last_not_of(" \n\t\r") + 1 - first);
    }
    out.push_back(line);
    std::map<std::string, int>
        seen; // children of one name are in order, of different names are not
    std::map<std::string, std::vector<std::string>> by_name;
    for (const auto& c : n.children) {
        if (!c.is_element())
            continue;
        const int i = seen[c.name]++;
        std::vector<std::string> below;
        facts(c, fmt::format("{}/{}{}", path, n.name, i ? fmt::format("[{}]", i) : ""), below);
        auto& all = by_name[c.name];
        all.insert(all.end(), below.begin(), below.end());
    }
    for (const auto& [name, lines] : by_name)
        out.insert(out.end(), lines.begin(), lines.end());
}

} // namespace

std::vector<std::string> facts_of(const std::string& text) {
    std::vector<std::string> out;
    auto node = xml::read(text, "document");
    if (node)
        facts(*node, "", out);
    return out;
}

// Values that the input does not give differ from run to run.
std::string hide_random(std::string text, const std::string& given) {
    auto hide = [&](const std::string& open, char close, const char* with) {
        for (std::size_t at = 0; (at = text.find(open, at)) != std::string::npos;) {
            at += open.size();
            const std::size_t end = text.find(close, at);
            if (end == std::string::npos)
                break;
            std::string value = text.substr(at, end - at), lower = given;
            for (char& c : lower)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            for (char& c : value)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            if (lower.find(value) == std::string::npos)
                text.replace(at, end - at, with);
        }
    };
    hide("<uuid>", '<', "@UUID@");
    hide("<mac address='", '\'', "@MAC@");
    return text;
}

void print_difference(const std::string& id, const std::string& mine, const std::string& theirs) {
    const auto a = facts_of(mine), b = facts_of(theirs);
    fmt::print("{}\n", id);
    for (const auto& x : a)
        if (std::find(b.begin(), b.end(), x) == b.end())
            fmt::print("   + {}\n", x);
    for (const auto& x : b)
        if (std::find(a.begin(), a.end(), x) == a.end())
            fmt::print("   - {}\n", x);
}

} // namespace polyvirt::reference
