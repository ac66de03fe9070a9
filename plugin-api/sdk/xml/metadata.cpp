// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/metadata.h"

#include <algorithm>

#include "base/error_text.h"
#include "sdk/xml/reader.h"
#include "sdk/xml/writer.h"

namespace polyvirt::sdk::xml {
namespace {

bool is_ncname(std::string_view name) {
    const auto first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && name.size() <= 255 && first(name[0]) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return first(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
           });
}

// Elements that had no namespace, or that of the root, get the key.
void rename(Node& node, std::string_view from_prefix, const std::string& key, const std::string& uri) {
    if (node.is_element() && node.prefix == from_prefix) {
        node.prefix = key;
        node.uri = uri;
    }
    for (Node& child : node.children)
        rename(child, from_prefix, key, uri);
}

} // namespace

std::optional<std::string> metadata_element(const std::optional<Node>& metadata, std::string_view uri) {
    if (!metadata)
        return std::nullopt;
    for (const Node& n : metadata->children) {
        if (!n.is_element() || n.uri != uri)
            continue;
        Node alone = n;
        const std::string declaration = n.prefix.empty() ? "xmlns" : "xmlns:" + n.prefix;
        if (!alone.attribute(declaration))
            alone.attributes.push_back({declaration, std::string(uri)});
        Writer writer;
        writer.raw(alone);
        return writer.take();
    }
    return std::nullopt;
}

Status set_metadata_element(std::optional<Node>& metadata, std::string_view uri, std::string_view key,
                            std::string_view text, ErrorDomain domain) {
    if (uri.empty())
        return make_error(ErrorCode::invalid_arg, domain, "an element of the metadata needs the uri of its namespace");
    std::optional<Node> element;
    if (!text.empty()) {
        if (!is_ncname(key))
            return make_error(ErrorCode::invalid_arg, domain,
                              "found '{}' as key of an element of the metadata, expected a name without ':'",
                              key.substr(0, 80));
        PV_ASSIGN_OR_RETURN(element, read(text, "metadata"));
        auto& attributes = element->attributes;
        const std::string old_prefix = element->prefix;
        std::erase_if(attributes, [&](const Attribute& a) {
            return a.name == (old_prefix.empty() ? "xmlns" : "xmlns:" + old_prefix);
        });
        rename(*element, old_prefix, std::string(key), std::string(uri));
        attributes.insert(attributes.begin(), {"xmlns:" + std::string(key), std::string(uri)});
    }
    if (!metadata) {
        if (!element)
            return {};
        metadata.emplace();
        metadata->name = "metadata";
    }
    std::erase_if(metadata->children, [&](const Node& n) { return n.is_element() && n.uri == uri; });
    if (element)
        metadata->children.push_back(std::move(*element));
    const bool empty = std::none_of(metadata->children.begin(), metadata->children.end(),
                                    [](const Node& n) { return n.is_element(); });
    if (empty)
        metadata.reset();
    return {};
}

} // namespace polyvirt::sdk::xml
