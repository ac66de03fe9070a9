// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/parse.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/error_text.h"

namespace polyvirt::sdk::xml {
namespace {

bool is_namespace_declaration(const std::string& name) {
    return name == "xmlns" || name.rfind("xmlns:", 0) == 0;
}

// Long values say nothing more than their start does, and come from outside.
std::string shown(std::string_view value) {
    constexpr std::size_t kLongest = 80;
    return value.size() <= kLongest ? std::string(value)
                                    : std::string(value.substr(0, kLongest)) + "...";
}

// What is kept stands alone afterwards: a prefix that an element further out declares is declared where it is used.
void declare_prefixes(Node& node, std::map<std::string, std::string> known) {
    if (!node.is_element())
        return;
    for (const Attribute& a : node.attributes) {
        if (a.name == "xmlns" || a.name.starts_with("xmlns:"))
            known[a.name == "xmlns" ? std::string() : a.name.substr(6)] = a.value;
    }
    const auto found = known.find(node.prefix);
    if (!node.uri.empty() && (found == known.end() || found->second != node.uri)) {
        node.attributes.insert(node.attributes.begin(), {node.prefix.empty() ? "xmlns" : "xmlns:" + node.prefix, node.uri});
        known[node.prefix] = node.uri;
    }
    for (Node& child : node.children)
        declare_prefixes(child, known);
}

class Parser final : public Binder {
  public:
    Parser(const Node& root, Messages& messages) : messages_(messages) { enter(root, 1, 1); }

    Status finish() {
        leave();
        if (error_)
            return std::move(*error_);
        return {};
    }

    void flag(const char* name, bool& present) override {
        if (failed())
            return;
        if (const Node* n = first(name)) {
            present = true;
            enter(*n, 1, 1);
            leave();
        }
    }

    void group(const char* name, Inner inner) override {
        if (failed())
            return;
        if (const Node* n = first(name)) {
            enter(*n, 1, 1);
            inner();
            leave();
        }
    }

    void size_text(Size& v, const SizeRule& r) override {
        if (failed())
            return;
        const std::string* unit = use_attribute("unit");
        top().text_used = true;
        read_size(nullptr, node().text(), unit, v, r);
    }

    void size_attr(const char* name, const char* unit_name, Size& v, const SizeRule& r) override {
        if (failed())
            return;
        const std::string* value = use_attribute(name);
        const std::string* unit = use_attribute(unit_name);
        if (value)
            read_size(name, *value, unit, v, r);
        else if (r.required)
            missing_attribute(name, "a size");
    }

    void raw(const char* name, std::optional<Node>& out) override {
        if (failed())
            return;
        if (const Node* n = first(name)) {
            out = *n;
            declare_prefixes(*out, {});
        }
    }

    void keep(std::initializer_list<const char*> names, std::vector<Node>& kept) override {
        if (failed())
            return;
        for (const char* name : names) {
            known_child(name);
            for_each(name, [&](const Node& n, std::size_t) {
                kept.push_back(n);
                note(Message::Kind::kept, n.line, path_of(n),
                     fmt::format("<{}> in <{}> is kept, but this version does not act on it",
                                 n.name, node().name));
            });
        }
    }

    void inside(const Namespace& space, Inner inner) override {
        const Namespace* before = std::exchange(space_, &space);
        inner();
        space_ = before;
    }
    void uses(const Namespace&, bool) override {}
    void when(bool applies, const char*, Inner inner) override {
        if (applies)
            inner();
    }

    void require(bool holds, std::string_view expectation, ErrorCode code) override {
        if (failed() || holds)
            return;
        fail(code, fmt::format("<{}>: {}", node().name, expectation), node().line);
    }

  private:
    struct Frame {
        const Node* node = nullptr;
        std::size_t index = 1, total = 1; // among its siblings of that name
        std::vector<unsigned char> used_attributes, used_children;
        std::vector<std::string_view> known_attributes, known_children;
        bool text_used = false;
    };

    [[nodiscard]] bool failed() const { return error_.has_value(); }
    Frame& top() { return frames_[depth_ - 1]; }
    const Node& node() { return *top().node; }

    // Frames are kept between elements, so that a document costs few allocations.
    void enter(const Node& n, std::size_t index, std::size_t total) {
        if (frames_.size() == depth_)
            frames_.emplace_back();
        Frame& f = frames_[depth_++];
        f.node = &n;
        f.index = index;
        f.total = total;
        f.used_attributes.assign(n.attributes.size(), 0);
        f.used_children.assign(n.children.size(), 0);
        f.known_attributes.clear();
        f.known_children.clear();
        f.text_used = false;
    }
    void leave() {
        if (!failed())
            report_unknown();
        depth_--;
    }

    void bind_attr(const char* name, Scalar v, const Rule& r) override {
        if (failed())
            return;
        const std::string* text = use_attribute(name);
        if (!text) {
            if (r.required)
                missing_attribute(name, expectation(v, r));
            return;
        }
        if (!v.ops->parse(v.value, *text, r))
            fail(ErrorCode::xml_error,
                 fmt::format("attribute '{}' of <{}>: found '{}', expected {}", name, node().name,
                             shown(*text), expected(v, r, *text)),
                 node().line);
        else if (r.absolute)
            doubt_path(*text, path() + "/@" + name, fmt::format("attribute '{}' of <{}>", name, node().name));
    }

    void bind_text(Scalar v, const Rule& r) override {
        if (failed())
            return;
        top().text_used = true;
        read_text(node(), v, r);
    }

    void bind_element(const char* name, Scalar v, const Rule& r) override {
        if (failed())
            return;
        const Node* n = first(name);
        if (!n) {
            if (r.required)
                missing_child(name);
            return;
        }
        enter(*n, 1, 1);
        top().text_used = true;
        read_text(*n, v, r);
        leave();
    }

    void bind_children(const char* name, Children c) override {
        if (failed())
            return;
        if (c.ops->kind != ChildOps::Kind::list) {
            if (const Node* n = first(name))
                descend(*n, 1, 1, c);
            return;
        }
        known_child(name);
        const std::size_t total = count(name);
        for_each(name, [&](const Node& n, std::size_t i) { descend(n, i, total, c); });
    }

    void bind_mixed(MixedNames names, void* field, const MixedOps& ops) override {
        if (failed())
            return;
        for (const std::string_view name : names)
            top().known_children.push_back(name);
        const Node& parent = node();
        const std::size_t level = depth_ - 1;
        for (std::size_t i = 0; i < parent.children.size() && !failed(); i++) {
            const Node& n = parent.children[i];
            const auto it = std::find_if(names.begin(), names.end(),
                                         [&](std::string_view name) { return matches(n, name); });
            if (it == names.end())
                continue;
            frames_[level].used_children[i] = 1;
            enter(n, 1, 1);
            ops.describe(*this, ops.add(field, static_cast<std::size_t>(it - names.begin())));
            leave();
        }
    }

    void descend(const Node& n, std::size_t index, std::size_t total, Children c) {
        if (failed())
            return;
        enter(n, index, total);
        c.ops->describe(*this, c.ops->add(c.field));
        leave();
    }

    void read_text(const Node& n, Scalar v, const Rule& r) {
        const std::string text = n.text();
        if (text.empty() && !r.required)
            return;
        if (v.ops->parse(v.value, text, r)) {
            if (r.absolute)
                doubt_path(text, path(), fmt::format("<{}>", n.name));
            return;
        }
        fail(
            ErrorCode::xml_error,
            fmt::format("<{}>: found '{}', expected {}", n.name, shown(text), expected(v, r, text)),
            n.line);
    }

    void read_size(const char* attribute, std::string_view text, const std::string* unit, Size& v,
                   const SizeRule& r) {
        const auto n = detail::parse_integer(text);
        const std::string where =
            attribute ? fmt::format("attribute '{}' of <{}>", attribute, node().name)
                      : fmt::format("<{}>", node().name);
        if (!n || n->negative)
            return fail(ErrorCode::xml_error,
                        fmt::format("{}: found '{}', expected a size", where, shown(text)),
                        node().line);
        const std::uint64_t factor = unit ? unit_factor(*unit) : r.implied;
        if (factor == 0)
            return fail(
                ErrorCode::invalid_arg,
                fmt::format("{}: unknown unit '{}', expected one like 'bytes', 'KiB', 'MB', 'GiB'",
                            where, shown(*unit)),
                node().line);
        std::uint64_t bytes = 0;
        if (__builtin_mul_overflow(n->magnitude, factor, &bytes))
            return fail(
                ErrorCode::overflow,
                fmt::format("{}: {} {} is too large", where, shown(text), unit ? *unit : ""),
                node().line);
        v = bytes / r.factor + (bytes % r.factor != 0 ? 1 : 0);
    }

    static std::string expectation(Scalar v, const Rule& r) {
        std::string out;
        v.ops->expected(r, out);
        return out;
    }
    static std::string expected(Scalar v, const Rule& r, std::string_view found) {
        std::string out = expectation(v, r);
        const Names names = r.names.empty() ? v.ops->names() : r.names;
        const std::string_view near = nearest(found, {names.begin(), names.end()});
        if (!near.empty())
            out += fmt::format("; did you mean '{}'?", near);
        return out;
    }

    void missing_attribute(const char* name, std::string_view expectation_text) {
        fail(ErrorCode::xml_error,
             fmt::format("<{}> has no attribute '{}', expected {}", node().name, name,
                         expectation_text),
             node().line);
    }
    void missing_child(const char* name) {
        fail(ErrorCode::xml_error, fmt::format("<{}> has no <{}>", node().name, name), node().line);
    }
    void fail(ErrorCode code, std::string text, int line) {
        if (error_)
            return;
        error_ = make_error_text(code, ErrorDomain::xml,
                                 line > 0 ? fmt::format("line {}: {}", line, text) : text);
    }

    const std::string* use_attribute(const char* name) {
        Frame& f = top();
        f.known_attributes.emplace_back(name);
        for (std::size_t i = 0; i < f.node->attributes.size(); i++) {
            if (f.node->attributes[i].name != name)
                continue;
            f.used_attributes[i] = 1;
            return &f.node->attributes[i].value;
        }
        return nullptr;
    }

    [[nodiscard]] bool matches(const Node& n, std::string_view name) const {
        return n.is_element() && n.name == name &&
               n.uri == (space_ ? std::string_view(space_->uri) : "");
    }
    void known_child(const char* name) { top().known_children.emplace_back(name); }
    std::size_t count(std::string_view name) {
        const auto& all = node().children;
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](const Node& n) { return matches(n, name); }));
    }
    template <typename F> void for_each(std::string_view name, F&& f) {
        const Node& parent = node();
        const std::size_t level = depth_ - 1;
        std::size_t index = 0;
        for (std::size_t i = 0; i < parent.children.size(); i++) {
            if (!matches(parent.children[i], name))
                continue;
            frames_[level].used_children[i] = 1;
            f(parent.children[i], ++index);
        }
    }
    // The first of that name; further ones are recorded.
    const Node* first(const char* name) {
        known_child(name);
        const Node* found = nullptr;
        for_each(name, [&](const Node& n, std::size_t) {
            if (!found) {
                found = &n;
                return;
            }
            note(Message::Kind::repeated, n.line, path_of(n),
                 fmt::format("<{}> in <{}> is given more than once; only the first counts", n.name,
                             node().name));
        });
        return found;
    }

    std::string path() {
        std::string out;
        for (std::size_t i = 0; i < depth_; i++) {
            const Frame& f = frames_[i];
            if (i > 0)
                out += '/';
            out += f.node->name;
            if (f.total > 1)
                out += fmt::format("[{}]", f.index);
        }
        return out;
    }
    std::string path_of(const Node& n) { return path() + "/" + n.name; }

    void note(Message::Kind kind, int line, std::string where, std::string text,
              std::string_view suggestion = {}) {
        if (!suggestion.empty())
            text += fmt::format("; did you mean '{}'?", suggestion);
        messages_.add({kind, line, std::move(where), std::string(suggestion),
                       fmt::format("line {}: {}", line, text)});
    }

    void report_unknown() {
        const Frame& f = top();
        const Node& n = *f.node;
        for (std::size_t i = 0; i < n.attributes.size(); i++) {
            const std::string& name = n.attributes[i].name;
            if (f.used_attributes[i] || is_namespace_declaration(name))
                continue;
            note(Message::Kind::unknown_attribute, n.line, path() + "/@" + name,
                 fmt::format("attribute '{}' of <{}> is not known here and ignored", shown(name),
                             n.name),
                 nearest(name, f.known_attributes));
        }
        for (std::size_t i = 0; i < n.children.size(); i++) {
            const Node& c = n.children[i];
            if (!c.is_element() || f.used_children[i])
                continue;
            // What is called right but stands in a wrong namespace needs no other name.
            const std::string_view near =
                c.uri.empty() ? nearest(c.name, f.known_children) : std::string_view{};
            note(Message::Kind::unknown_element, c.line, path_of(c),
                 fmt::format("<{}> is not known in <{}> and ignored", shown(c.qualified_name()),
                             n.name),
                 near);
        }
        if (!f.text_used)
            report_text(n);
    }

    void doubt_path(std::string_view text, std::string where, const std::string& what) {
        // "X:\..." is a path of another system, whose documents are read too.
        if (text.empty() || text.front() == '/' || (text.size() > 3 && text.substr(1, 2) == ":\\"))
            return;
        note(Message::Kind::doubtful, node().line, std::move(where),
             fmt::format("{}: found '{}', expected a path that begins with '/'", what, shown(text)));
    }

    // Words where only elements belong: mostly the name of another element was meant.
    void report_text(const Node& n) {
        const std::string text = n.text();
        constexpr std::string_view kBlank = " \t\r\n";
        const std::size_t begin = text.find_first_not_of(kBlank);
        if (begin == std::string::npos)
            return;
        std::vector<std::string_view> others;
        if (depth_ > 1)
            others = frames_[depth_ - 2].known_children;
        std::erase(others, std::string_view(n.name));
        note(Message::Kind::unknown_element, n.line, path(),
             fmt::format("<{}> holds no text; '{}' is ignored", n.name, shown(std::string_view(text).substr(begin, text.find_last_not_of(kBlank) - begin + 1))),
             nearest(n.name, others));
    }

    Messages& messages_;
    std::vector<Frame> frames_;
    std::size_t depth_ = 0;
    const Namespace* space_ = nullptr;
    std::optional<Error> error_;
};

} // namespace

Status parse_item(const Node& node, void* item, void (*describe)(Binder&, void*),
                  Messages& messages) {
    Parser parser(node, messages);
    describe(parser, item);
    return parser.finish();
}

} // namespace polyvirt::sdk::xml
