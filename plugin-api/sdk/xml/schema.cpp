// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/schema.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <fmt/core.h>

namespace polyvirt::sdk::xml {
namespace {

// What one attribute or text may hold: patterns, any of which will do.
using Patterns = std::vector<std::string>;
void add(Patterns& to, std::string pattern) {
    if (std::find(to.begin(), to.end(), pattern) == to.end())
        to.push_back(std::move(pattern));
}

struct Content;
struct SchemaAttribute {
    bool required = false;
    Patterns patterns;
};
struct Child {
    std::string name, uri;
    bool required = false, many = false;
    bool anything = false;
    std::vector<std::string> refs;    // definitions, any of which will do
    std::shared_ptr<Content> content; // of an element without a struct of its own
};
// RelaxNG wants each attribute, and each child, named once, so what a description says in several places is joined.
struct Content {
    std::vector<std::pair<std::string, SchemaAttribute>> attributes;
    std::vector<Child> children;
    Patterns text;
    bool text_required = false;

    SchemaAttribute& attribute(const std::string& name, bool& fresh) {
        for (auto& [n, a] : attributes) {
            if (n == name) {
                fresh = false;
                return a;
            }
        }
        fresh = true;
        return attributes.emplace_back(name, SchemaAttribute{}).second;
    }
    Child& child(std::string_view name, std::string_view uri) {
        for (Child& c : children) {
            if (c.name == name && c.uri == uri)
                return c;
        }
        Child& c = children.emplace_back();
        c.name = name;
        c.uri = uri;
        return c;
    }
};

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '"') out += "&quot;";
        else out += c;
    }
    return out;
}
std::string of_pattern(std::string_view pattern) {
    return fmt::format("<data type=\"string\"><param name=\"pattern\">{}</param></data>", escaped(pattern));
}

class Collector final : public Binder {
  public:
    explicit Collector(Content& root) : at_(&root) {}
    std::map<std::string, Content> take() { return std::move(definitions_); }

    void flag(const char* name, bool&) override { inner_of(child(name)); }
    void group(const char* name, Inner inner) override {
        Content& content = inner_of(child(name));
        below(content, [&] { inner(); });
    }
    void size_text(Size&, const SizeRule& r) override {
        bool fresh = false;
        add(at_->attribute("unit", fresh).patterns, kText);
        text(number(), r.required);
    }
    void size_attr(const char* name, const char* unit, Size&, const SizeRule& r) override {
        attribute(name, number(), r.required);
        attribute(unit, kText, false);
    }
    void raw(const char* name, std::optional<Node>&) override { child(name).anything = true; }
    void keep(std::initializer_list<const char*> names, std::vector<Node>&) override {
        for (const char* name : names) {
            Child& c = child(name);
            c.anything = true;
            c.many = true;
        }
    }
    void inside(const Namespace& space, Inner inner) override {
        const char* before = std::exchange(uri_, space.uri);
        inner();
        uri_ = before;
    }
    void uses(const Namespace&, bool) override {}
    void when(bool, const char*, Inner inner) override {
        sometimes_++;
        inner();
        sometimes_--;
    }
    void require(bool, std::string_view, ErrorCode) override {}

  private:
    static inline const std::string kText = "<text/>";
    // Whole numbers are read in both ways.
    static std::string number() { return of_pattern("\\s*[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)\\s*"); }

    void bind_attr(const char* name, Scalar v, const Rule& r) override {
        for (const std::string& p : values(v, r)) attribute(name, p, r.required);
    }
    void bind_text(Scalar v, const Rule& r) override {
        for (const std::string& p : values(v, r)) text(p, r.required);
    }
    void bind_element(const char* name, Scalar v, const Rule& r) override {
        Child& c = child(name);
        c.required = c.required || (r.required && sometimes_ == 0);
        below(inner_of(c), [&] { bind_text(v, r); });
    }
    void bind_children(const char* name, Children c) override {
        Child& to = child(name);
        to.many = to.many || c.ops->kind == ChildOps::Kind::list;
        refer(to, reinterpret_cast<const void*>(c.ops->describe), name, [&](Content& content) {
            below(content, [&] { c.ops->sample(*this); });
        });
    }
    void bind_mixed(MixedNames names, void*, const MixedOps& ops) override {
        for (std::size_t i = 0; i < names.size(); i++) {
            Child& to = child(std::string(names[i]).c_str());
            to.many = true;
            below(inner_of(to), [&] { ops.sample(*this, i); });
        }
    }

    // A struct's description is written once, however many elements have it; it may stand inside itself.
    template <typename F> void refer(Child& to, const void* key, std::string_view name, F&& fill) {
        const auto [found, fresh] = names_.try_emplace({key, uri_}, "");
        if (fresh) {
            std::string unique(name);
            for (int i = 2; definitions_.contains(unique); i++) unique = fmt::format("{}-{}", name, i);
            found->second = unique;
            add(to.refs, unique);
            fill(definitions_[unique]);
            return;
        }
        add(to.refs, found->second);
    }

    Child& child(const char* name) { return at_->child(name, uri_); }
    Content& inner_of(Child& c) {
        if (!c.content)
            c.content = std::make_shared<Content>();
        return *c.content;
    }
    template <typename F> void below(Content& content, F&& f) {
        Content* before = std::exchange(at_, &content);
        const int sometimes = std::exchange(sometimes_, 0);
        f();
        at_ = before;
        sometimes_ = sometimes;
    }
    void attribute(const std::string& name, std::string pattern, bool required) {
        bool fresh = false;
        SchemaAttribute& a = at_->attribute(name, fresh);
        required = required && sometimes_ == 0;
        a.required = fresh ? required : a.required && required;
        add(a.patterns, std::move(pattern));
    }
    void text(std::string pattern, bool required) {
        at_->text_required = required && sometimes_ == 0;
        add(at_->text, std::move(pattern));
    }

    static Patterns values(Scalar v, const Rule& r) {
        const Names names = r.names.empty() ? v.ops->names() : r.names;
        Patterns out;
        for (const std::string_view n : names) {
            if (!n.empty())
                out.push_back(fmt::format("<value>{}</value>", escaped(n)));
        }
        if (!out.empty())
            return out;
        if (r.absolute)
            return {of_pattern("(/|[a-zA-Z]:\\\\.)[\\s\\S]*")};
        if (v.ops == &detail::string_ops)
            return {r.required ? of_pattern("[\\s\\S]+") : kText};
        if (v.ops == &detail::uuid_ops)
            return {of_pattern("\\s*[0-9a-fA-F][0-9a-fA-F\\- ]*\\s*")};
        if (v.ops == &detail::mac_ops)
            return {of_pattern("([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}")};
        if (v.ops == &detail::cpuset_ops)
            return {of_pattern("[0-9,\\-\\^\\s]*")};
        if (v.ops == &detail::ip_ops)
            return {of_pattern("[0-9a-fA-F.:%/]+")};
        if (v.ops == &detail::mode_ops)
            return {of_pattern("[0-7]+")};
        return {number()};
    }

    Content* at_;
    const char* uri_ = "";
    int sometimes_ = 0;
    std::map<std::string, Content> definitions_;
    std::map<std::pair<const void*, std::string>, std::string> names_;
};

class Printer {
  public:
    explicit Printer(const std::map<std::string, Content>& definitions) : definitions_(definitions) {}
    std::string take() { return std::move(out_); }
    void line(std::string_view text) { out_ += fmt::format("{:{}}{}\n", "", 2 * depth_, text); }
    template <typename F> void inside(std::string_view open, F&& f) {
        line(fmt::format("<{}>", open));
        depth_++;
        f();
        depth_--;
        line(fmt::format("</{}>", open.substr(0, open.find(' '))));
    }
    template <typename F> void maybe(bool wrap, std::string_view with, F&& f) {
        if (wrap) inside(with, f);
        else f();
    }

    void patterns(const Patterns& list) {
        maybe(list.size() > 1, "choice", [&] {
            for (const std::string& p : list) line(p);
        });
    }
    void content(const Content& c) {
        for (const auto& [name, a] : c.attributes) {
            maybe(!a.required, "optional",
                  [&, n = &name, p = &a.patterns] { inside(fmt::format("attribute name=\"{}\"", *n), [&] { patterns(*p); }); });
        }
        if (c.children.empty()) {
            if (!c.text.empty())
                maybe(!c.text_required, "optional", [&] { patterns(c.text); });
            else if (c.attributes.empty())
                line("<empty/>");
            return;
        }
        inside("interleave", [&] {
            // Values of texts cannot be told apart from elements beside them.
            if (!c.text.empty())
                line("<text/>");
            for (const Child& child : c.children) element(child);
            if (c.text.empty() && c.children.size() == 1)
                line("<empty/>");
        });
    }

  private:
    void element(const Child& c) {
        const char* often = c.many ? "zeroOrMore" : "optional";
        maybe(!c.required, often, [&] {
            inside(fmt::format("element name=\"{}\" ns=\"{}\"", c.name, escaped(c.uri)), [&] {
                const bool inner = c.content && !covered(c);
                const std::size_t ways = c.refs.size() + (inner ? 1 : 0) + (c.anything ? 1 : 0);
                maybe(ways > 1, "choice", [&] {
                    for (const std::string& ref : c.refs) line(fmt::format("<ref name=\"{}\"/>", ref));
                    if (inner) maybe(ways > 1, "group", [&] { content(*c.content); });
                    if (c.anything) line("<ref name=\"anything\"/>");
                });
            });
        });
    }

    // A text and no more, which one of the definitions takes as well: libxml2 cannot choose between the two.
    [[nodiscard]] bool covered(const Child& c) const {
        const auto takes_text = [](const Content& content) {
            return content.children.empty() && content.text == Patterns{"<text/>"} &&
                   std::none_of(content.attributes.begin(), content.attributes.end(), [](const auto& a) { return a.second.required; });
        };
        return c.content->attributes.empty() && takes_text(*c.content) &&
               std::any_of(c.refs.begin(), c.refs.end(), [&](const std::string& ref) { return takes_text(definitions_.at(ref)); });
    }

    const std::map<std::string, Content>& definitions_;
    std::string out_;
    std::size_t depth_ = 0;
};

} // namespace

std::string schema_item(std::string_view name, void (*sample)(Binder&)) {
    Content root;
    Collector collector(root);
    sample(collector);
    const std::map<std::string, Content> definitions = collector.take();
    Printer p(definitions);
    p.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    p.line("<!-- SPDX-License-Identifier: Apache-2.0. Made from polyvirt's descriptions of documents. -->");
    p.inside("grammar xmlns=\"http://relaxng.org/ns/structure/1.0\" datatypeLibrary=\"http://www.w3.org/2001/XMLSchema-datatypes\"", [&] {
        p.inside("start", [&] { p.inside(fmt::format("element name=\"{}\"", name), [&] { p.content(root); }); });
        for (const auto& [n, content] : definitions) {
            const Content* const c = &content;
            p.inside(fmt::format("define name=\"{}\"", n), [&] { p.content(*c); });
        }
        p.inside("define name=\"anything\"", [&] {
            p.inside("zeroOrMore", [&] {
                p.inside("choice", [&] {
                    p.line("<text/>");
                    p.inside("attribute", [&] { p.line("<anyName/>"); });
                    p.inside("element", [&] {
                        p.line("<anyName/>");
                        p.line("<ref name=\"anything\"/>");
                    });
                });
            });
        });
    });
    return p.take();
}

} // namespace polyvirt::sdk::xml
