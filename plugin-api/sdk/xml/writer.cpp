// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/writer.h"

#include <algorithm>

#include "base/assert.h"

namespace polyvirt::sdk::xml {
namespace {

void escape(std::string_view text, bool attribute, std::string& out) {
    for (const char c : text) {
        switch (c) {
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '&':
            out += "&amp;";
            break;
        case '\'':
            out += "&apos;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\r':
            out += "&#13;";
            break; // a reader turns a bare one into a line feed
        case '\n': // and these into blanks, inside an attribute
            attribute ? static_cast<void>(out += "&#10;") : out.push_back(c);
            break;
        case '\t':
            attribute ? static_cast<void>(out += "&#9;") : out.push_back(c);
            break;
        default:
            // Control characters are not XML in any spelling; a document with one could not be
            // read.
            if (static_cast<unsigned char>(c) >= 0x20)
                out.push_back(c);
        }
    }
}

bool blank(const Node& n) {
    return n.content.find_first_not_of(" \t\r\n") == std::string::npos;
}

} // namespace

void escape_attribute(std::string_view text, std::string& out) {
    escape(text, true, out);
}
void escape_text(std::string_view text, std::string& out) {
    escape(text, false, out);
}

void Writer::begin_children() {
    if (open_.empty())
        return;
    Level& parent = open_.back();
    if (!parent.has_content && !parent.has_children)
        out_ += ">";
    if (!parent.has_children)
        out_ += "\n";
    parent.has_children = true;
}

void Writer::open(std::string_view name) {
    const std::size_t before = out_.size();
    // Taken back with the element if it stays empty; then the parent's head is as it was.
    const bool first = !open_.empty() && !open_.back().has_children && !open_.back().has_content;
    begin_children();
    const std::size_t start = first ? before : out_.size();
    out_.append(2 * open_.size(), ' ');
    out_ += '<';
    out_ += name;
    open_.push_back({std::string(name), start, out_.size()});
}

void Writer::attribute(std::string_view name, std::string_view value) {
    if (PV_BUG(open_.empty() || open_.back().has_content || open_.back().has_children))
        return;
    out_ += ' ';
    out_ += name;
    out_ += "='";
    escape_attribute(value, out_);
    out_ += '\'';
}

void Writer::text(std::string_view text) {
    if (PV_BUG(open_.empty() || open_.back().has_children))
        return;
    if (text.empty())
        return;
    if (!open_.back().has_content)
        out_ += '>';
    open_.back().has_content = true;
    escape_text(text, out_);
}

void Writer::close() {
    if (PV_BUG(open_.empty()))
        return;
    const Level level = std::move(open_.back());
    open_.pop_back();
    if (!level.has_content && !level.has_children) {
        out_ += "/>\n";
        return;
    }
    if (level.has_children)
        out_.append(2 * open_.size(), ' ');
    out_ += "</";
    out_ += level.name;
    out_ += ">\n";
}

void Writer::close_unless_empty() {
    if (PV_BUG(open_.empty()))
        return;
    const Level& level = open_.back();
    if (out_.size() != level.head_end || level.has_content || level.has_children)
        return close();
    // The first child also wrote the end of its parent's start tag.
    const bool first = out_.compare(level.start, 1, ">") == 0;
    out_.resize(level.start);
    open_.pop_back();
    if (first && !open_.empty())
        open_.back().has_children = false;
}

void Writer::declare(std::string_view prefix, std::string_view uri) {
    std::string name = "xmlns:";
    name += prefix;
    attribute(name, uri);
}

void Writer::raw(const Node& node) {
    begin_children();
    out_.append(2 * open_.size(), ' ');
    raw_node(node);
    out_ += '\n';
}

void Writer::raw_node(const Node& node) {
    switch (node.kind) {
    case NodeKind::text: {
        // Between tags quotes stand for themselves; they are kept as they came.
        for (const char c : node.content) {
            if (c == '\'' || c == '"' || c == '\n' || c == '\t')
                out_.push_back(c);
            else
                escape_text(std::string_view(&c, 1), out_);
        }
        return;
    }
    case NodeKind::cdata:
        out_ += "<![CDATA[" + node.content + "]]>";
        return;
    case NodeKind::comment:
        out_ += "<!--" + node.content + "-->";
        return;
    case NodeKind::instruction:
        out_ += "<?" + node.name + (node.content.empty() ? "" : " " + node.content) + "?>";
        return;
    case NodeKind::element:
        break;
    }
    const std::string name = node.qualified_name();
    out_ += '<' + name;
    for (const Attribute& a : node.attributes) {
        out_ += ' ' + a.name + "=\"";
        escape_attribute(a.value, out_);
        out_ += '"';
    }
    if (node.children.empty()) {
        out_ += "/>";
        return;
    }
    out_ += '>';
    for (const Node& child : node.children)
        raw_node(child);
    out_ += "</" + name + '>';
}

void Writer::tidy(const Node& node) {
    open(node.qualified_name());
    for (const Attribute& a : node.attributes)
        attribute(a.name, a.value);
    const bool has_elements = std::any_of(node.children.begin(), node.children.end(),
                                          [](const Node& n) { return n.is_element(); });
    for (const Node& child : node.children) {
        if (child.is_element())
            tidy(child);
        else if (!has_elements &&
                 !(child.kind == NodeKind::comment || child.kind == NodeKind::instruction) &&
                 !(blank(child) && node.children.size() > 1))
            text(child.content);
    }
    close();
}

} // namespace polyvirt::sdk::xml
