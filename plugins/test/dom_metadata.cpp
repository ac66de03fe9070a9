// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "dom_metadata.h"

#include <algorithm>
#include <utility>

#include "domains.h"
#include "op.h"
#include "sdk/xml/reader.h"
#include "sdk/xml/writer.h"

namespace polyvirt::test {
namespace {

using sdk::xml::Node;

constexpr std::uint32_t kAffect = PV_DOMAIN_AFFECT_LIVE | PV_DOMAIN_AFFECT_CONFIG;

Node* find_element(Domain& d, std::string_view uri) {
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
        n.kind = sdk::xml::NodeKind::text;
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

Status set_element(Domain& d, const std::string& metadata, const std::string& key, const std::string& uri) {
    std::optional<Node> fresh;
    if (!metadata.empty()) {
        if (key.empty()) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "a prefix is needed to set metadata");
        PV_ASSIGN_OR_RETURN(Node node, sdk::xml::read(metadata, "metadata"));
        bind_namespace(node, key, uri);
        std::erase_if(node.attributes, [](const sdk::xml::Attribute& a) { return a.name.starts_with("xmlns"); });
        node.attributes.insert(node.attributes.begin(), sdk::xml::Attribute{"xmlns:" + key, uri});
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

class Metadata : public Ops {
  public:
    using Ops::Ops;

    pv_status set_metadata(pv_call* call, const pv_obj* obj, const pv_dom_set_metadata_in& in, pv_dom_set_metadata_out&) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainSetMetadata"); !flags) return answer(call, flags);
        if (in.type < 0 || in.type > PV_DOMAIN_METADATA_ELEMENT)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unknown metadata type {}", in.type));
        const auto text = [](const char* t) { return std::string(t != nullptr ? t : ""); };
        return driver_.domains().change(
            call, obj, "set metadata",
            [&domains = driver_.domains(), type = in.type, flags = in.flags, value = text(in.metadata), key = text(in.key), uri = text(in.uri)](
                Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                PV_TRY(domains.edit(guest, flags, [&](Domain& d) -> Status {
                    if (type == PV_DOMAIN_METADATA_ELEMENT) return set_element(d, value, key, uri);
                    if (type == PV_DOMAIN_METADATA_TITLE && value.find('\n') != std::string::npos)
                        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "Domain title can't contain newlines");
                    (type == PV_DOMAIN_METADATA_TITLE ? d.title : d.description) = value;
                    return {};
                }));
                pv_event_domain_metadata_change payload{};
                payload.size = sizeof payload;
                payload.type = type;
                payload.nsuri = uri.empty() ? nullptr : uri.c_str();
                domains.post(guest, PV_EVENT_DOMAIN_METADATA_CHANGE, &payload);
                return {};
            });
    }

    pv_status get_metadata(pv_call* call, const pv_obj* obj, const pv_dom_get_metadata_in& in, pv_dom_get_metadata_out& out) {
        if (const Status flags = check_flags(in.flags, kAffect, "testDomainGetMetadata"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        Result<DocumentPtr> document = DocumentPtr{};
        {
            const ObjectLock lock(guest->mu);
            document = driver_.domains().pick(*guest, in.flags);
        }
        if (!document) return fail(call, document.error());
        const auto text = read(**document, in.type, in.uri != nullptr ? in.uri : "");
        if (!text) return fail(call, text.error());
        return put(out.metadata, *text);
    }

    pv_status rename(pv_call* call, const pv_obj* obj, const pv_dom_rename_in& in, pv_dom_rename_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainRename"); !flags) return answer(call, flags);
        const std::string name = in.new_name != nullptr ? in.new_name : "";
        if (name.empty() || name.find('/') != std::string::npos)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found name '{}', expected one without '/'", name));
        return driver_.domains().rename(call, Domains::of(obj), name);
    }

  private:
    static Result<std::string> read(const Domain& d, std::int32_t type, std::string_view uri) {
        const auto missing = [] {
            return make_error(ErrorCode::no_domain_metadata, ErrorDomain::test, "Requested metadata element is not present");
        };
        if (type == PV_DOMAIN_METADATA_DESCRIPTION || type == PV_DOMAIN_METADATA_TITLE) {
            const std::string& text = type == PV_DOMAIN_METADATA_TITLE ? d.title : d.description;
            if (text.empty()) return missing();
            return text;
        }
        if (type != PV_DOMAIN_METADATA_ELEMENT) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "unknown metadata type {}", type);
        Domain copy; // find_element() is for changing
        copy.metadata = d.metadata;
        Node* const node = find_element(copy, uri);
        if (node == nullptr) return missing();
        // What is shown is without the prefix, as it was given.
        const std::string declaration = "xmlns:" + node->prefix;
        std::erase_if(node->attributes, [&](const sdk::xml::Attribute& a) { return a.name == declaration; });
        strip_prefix(*node, std::string(node->prefix));
        sdk::xml::Writer writer;
        writer.raw(*node);
        std::string text = writer.take();
        if (text.ends_with('\n')) text.pop_back();
        return text;
    }
    static void strip_prefix(Node& n, const std::string& prefix) {
        if (n.prefix == prefix) n.prefix.clear();
        for (Node& child : n.children) strip_prefix(child, prefix);
    }
};

} // namespace

void fill_metadata(pv_dom_config& t) {
    t.set_metadata = op<"domain.set_metadata", &Metadata::set_metadata>;
    t.get_metadata = op<"domain.get_metadata", &Metadata::get_metadata>;
    t.rename = op<"domain.rename", &Metadata::rename>;
}

} // namespace polyvirt::test
