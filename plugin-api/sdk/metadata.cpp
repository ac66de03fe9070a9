// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/metadata.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <polyvirt/abi/gen/constants.h>

#include "base/error_text.h"
#include "sdk/xml/reader.h"
#include "sdk/xml/writer.h"

namespace polyvirt::sdk {
namespace {

using xml::Node;

Node* find_element(domain::Domain& d, std::string_view uri) {
    if (!d.metadata) return nullptr;
    const auto found = std::find_if(d.metadata->children.begin(), d.metadata->children.end(),
                                    [&](const Node& n) { return n.is_element() && n.uri == uri; });
    return found == d.metadata->children.end() ? nullptr : &*found;
}

// In the namespace that its owner names, under the prefix that its owner wants.
void bind_namespace(Node& n, const std::string& prefix, const std::string& uri) {
    if (!n.uri.empty() && n.uri != uri) return;
    n.prefix = prefix;
    n.uri = uri;
    for (Node& child : n.children)
        if (child.is_element() && child.prefix.empty()) bind_namespace(child, prefix, uri);
}

// Metadata is printed as it stands, so what is put together here gets its line breaks too.
void lay_out(Node& metadata) {
    const auto blank = [](const char* text) {
        Node n;
        n.kind = xml::NodeKind::text;
        n.content = text;
        return n;
    };
    std::vector<Node> children;
    for (Node& child : metadata.children) {
        children.push_back(blank("\n    "));
        children.push_back(std::move(child));
    }
    children.push_back(blank("\n  "));
    metadata.children = std::move(children);
}

Status set_element(domain::Domain& d, const std::string& metadata, const std::string& key, const std::string& uri, ErrorDomain in) {
    std::optional<Node> fresh;
    if (!metadata.empty()) {
        if (key.empty()) return make_error(ErrorCode::invalid_arg, in, "a prefix is needed to set metadata");
        PV_ASSIGN_OR_RETURN(Node node, xml::read(metadata, "metadata"));
        bind_namespace(node, key, uri);
        std::erase_if(node.attributes, [](const xml::Attribute& a) { return a.name.starts_with("xmlns"); });
        node.attributes.insert(node.attributes.begin(), xml::Attribute{"xmlns:" + key, uri});
        fresh = std::move(node);
    }
    if (d.metadata)
        std::erase_if(d.metadata->children, [&](const Node& n) { return !n.is_element() || n.uri == uri; });
    if (fresh) {
        if (!d.metadata) {
            d.metadata.emplace();
            d.metadata->name = "metadata";
        }
        d.metadata->children.push_back(*std::move(fresh));
    }
    if (d.metadata && d.metadata->children.empty()) d.metadata.reset();
    if (d.metadata) lay_out(*d.metadata);
    return {};
}

void strip_prefix(Node& n, const std::string& prefix) {
    if (n.prefix == prefix) n.prefix.clear();
    for (Node& child : n.children) strip_prefix(child, prefix);
}

Error unknown_type(std::int32_t type, ErrorDomain in) { return make_error(ErrorCode::invalid_arg, in, "unknown metadata type {}", type); }

} // namespace

Status set_metadata(domain::Domain& domain, const MetadataChange& change, ErrorDomain in) {
    switch (change.type) {
    case PV_DOMAIN_METADATA_DESCRIPTION: domain.description = change.text; return {};
    case PV_DOMAIN_METADATA_TITLE:
        if (change.text.find('\n') != std::string::npos)
            return make_error(ErrorCode::invalid_arg, in, "Domain title can't contain newlines");
        domain.title = change.text;
        return {};
    case PV_DOMAIN_METADATA_ELEMENT: return set_element(domain, change.text, change.key, change.uri, in);
    default: return unknown_type(change.type, in);
    }
}

Result<std::string> get_metadata(const domain::Domain& d, std::int32_t type, std::string_view uri, ErrorDomain in) {
    const auto missing = [in] { return make_error(ErrorCode::no_domain_metadata, in, "Requested metadata element is not present"); };
    if (type == PV_DOMAIN_METADATA_DESCRIPTION || type == PV_DOMAIN_METADATA_TITLE) {
        const std::string& text = type == PV_DOMAIN_METADATA_TITLE ? d.title : d.description;
        if (text.empty()) return missing();
        return text;
    }
    if (type != PV_DOMAIN_METADATA_ELEMENT) return unknown_type(type, in);
    domain::Domain copy; // find_element() is for changing
    copy.metadata = d.metadata;
    Node* const node = find_element(copy, uri);
    if (node == nullptr) return missing();
    // What is shown is without the prefix, as it was given.
    const std::string declaration = "xmlns:" + node->prefix;
    std::erase_if(node->attributes, [&](const xml::Attribute& a) { return a.name == declaration; });
    strip_prefix(*node, std::string(node->prefix));
    xml::Writer writer;
    writer.raw(*node);
    std::string text = writer.take();
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

} // namespace polyvirt::sdk
