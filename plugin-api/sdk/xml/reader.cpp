// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/reader.h"

#include <memory>
#include <new>

#include <fmt/core.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/threads.h>

#include "base/error_text.h"

namespace polyvirt::sdk::xml {
namespace {

const char* chars(const xmlChar* s) {
    return s ? reinterpret_cast<const char*>(s) : "";
}

std::string joined(const xmlChar* prefix, const xmlChar* name) {
    return prefix ? fmt::format("{}:{}", chars(prefix), chars(name)) : std::string(chars(name));
}

// One reading. The library calls back into it; after `fail` it is told to stop and calls no more
// that count. Callbacks must not let exceptions through C frames, so each is guarded.
class Reading {
  public:
    Reading(std::string_view what, const Limits& limits, bool head_only)
        : what_(what), limits_(limits), head_only_(head_only) {}

    Result<Node> run(std::string_view text) {
        if (text.size() > limits_.bytes)
            return error(
                0, fmt::format("{} bytes, at most {} are accepted", text.size(), limits_.bytes));
        if (text.find('\0') != std::string_view::npos)
            return error(0, "a zero byte in the text");
        xmlSAXHandler sax = handlers();
        ctxt_ = xmlCreatePushParserCtxt(&sax, this, nullptr, 0, nullptr);
        if (!ctxt_)
            return make_error(ErrorCode::no_memory, ErrorDomain::xml, "reading XML");
        // The library makes a document of its own for the first declared entity, and leaves it to
        // us.
        auto release = [](xmlParserCtxt* c) {
            if (c->myDoc)
                xmlFreeDoc(c->myDoc);
            xmlFreeParserCtxt(c);
        };
        const std::unique_ptr<xmlParserCtxt, decltype(release)> owner(ctxt_, release);
        // NOENT makes the library decode "&amp;" itself; no other entity can exist here.
        xmlCtxtUseOptions(ctxt_, XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOENT);
        xmlParseChunk(ctxt_, text.data(), static_cast<int>(text.size()), 1);
        if (failed_)
            return std::move(failure_);
        if (root_.name.empty() || (!done_ && !open_.empty()))
            return error(0, "no complete element found");
        return std::move(root_);
    }
    DocumentHead take_head() { return std::move(head_); }

  private:
    static Reading& self(void* p) { return *static_cast<Reading*>(p); }
    template <typename F> static void guarded(void* p, F&& f) noexcept {
        Reading& r = self(p);
        if (r.failed_ || r.done_)
            return;
        try {
            f(r);
        } catch (const std::bad_alloc&) {
            r.failed_ = true;
            r.failure_.code = ErrorCode::no_memory;
            r.failure_.message = "out of memory"; // so short that it needs none
            xmlStopParser(r.ctxt_);
        }
    }
    static xmlSAXHandler handlers();
    Error error(int line, std::string_view text) const {
        return line > 0 ? make_error(ErrorCode::xml_error, ErrorDomain::xml, "{}, line {}: {}",
                                     what_, line, text)
                        : make_error(ErrorCode::xml_error, ErrorDomain::xml, "{}: {}", what_, text);
    }
    void fail(std::string_view text, int line = 0) {
        if (failed_)
            return;
        failed_ = true;
        failure_ = error(line > 0 ? line : this->line(), text);
        xmlStopParser(ctxt_);
    }
    // Not XML at all: clients tell that from what is merely wrong by its code.
    void malformed(std::string_view text, int line) {
        const bool first = !failed_;
        fail(text, line);
        if (first) failure_.code = ErrorCode::xml_detail;
    }
    [[nodiscard]] int line() const { return xmlSAX2GetLineNumber(ctxt_); }
    bool count(std::size_t n) {
        nodes_ += n;
        if (nodes_ <= limits_.nodes)
            return true;
        fail(fmt::format("more than {} elements, attributes and texts", limits_.nodes));
        return false;
    }
    void start(const xmlChar* name, const xmlChar* prefix, const xmlChar* uri, int n_spaces,
               const xmlChar** spaces, int n_attributes, const xmlChar** attributes);
    void end();
    void characters(NodeKind kind, const xmlChar* text, int length);
    void leaf(NodeKind kind, const xmlChar* name, const xmlChar* text);
    void head_element(const Node& node);

    std::string what_;
    Limits limits_;
    bool head_only_;
    xmlParserCtxtPtr ctxt_ = nullptr;
    Node root_;
    std::vector<Node>
        open_; // from the root to where reading stands; each moves into its parent at its end
    std::size_t nodes_ = 0;
    bool failed_ = false, done_ = false;
    Error failure_;
    DocumentHead head_;
    bool have_name_ = false, have_uuid_ = false;
};

void Reading::start(const xmlChar* name, const xmlChar* prefix, const xmlChar* uri, int n_spaces,
                    const xmlChar** spaces, int n_attributes, const xmlChar** attributes) {
    if (open_.size() >= limits_.depth)
        return fail(
            fmt::format("<{}> stands more than {} elements deep", chars(name), limits_.depth));
    if (!count(1 + static_cast<std::size_t>(n_spaces) + static_cast<std::size_t>(n_attributes)))
        return;
    Node node;
    node.name = chars(name);
    node.prefix = chars(prefix);
    node.uri = chars(uri);
    node.line = line();
    node.attributes.reserve(static_cast<std::size_t>(n_spaces + n_attributes));
    for (int i = 0; i < n_spaces; i++) {
        const xmlChar* as = spaces[2 * i];
        node.attributes.push_back({as ? fmt::format("xmlns:{}", chars(as)) : std::string("xmlns"),
                                   chars(spaces[2 * i + 1])});
    }
    for (int i = 0; i < n_attributes;
         i++) { // five pointers each: name, prefix, uri, begin, end of the value
        const xmlChar** a = attributes + 5 * i;
        node.attributes.push_back(
            {joined(a[1], a[0]), std::string(chars(a[3]), static_cast<std::size_t>(a[4] - a[3]))});
    }
    if (head_only_ && open_.empty()) {
        head_.root = node.name;
        if (const std::string* type = node.attribute("type"))
            head_.type = *type;
    }
    open_.push_back(std::move(node));
}

void Reading::end() {
    if (open_.empty())
        return;
    Node node = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) {
        root_ = std::move(node);
        return;
    }
    if (head_only_) {
        if (open_.size() == 1)
            head_element(node);
        return;
    }
    open_.back().children.push_back(std::move(node));
}

void Reading::head_element(const Node& node) {
    if (!node.uri.empty())
        return;
    if (node.name == "name" && !have_name_) {
        head_.name = node.text();
        have_name_ = true;
    } else if (node.name == "uuid" && !have_uuid_) {
        head_.uuid = node.text();
        have_uuid_ = true;
    }
    if (have_name_ && have_uuid_) {
        done_ = true;
        root_.name = head_.root;
        xmlStopParser(ctxt_);
    }
}

void Reading::characters(NodeKind kind, const xmlChar* text, int length) {
    if (open_.empty() || length <= 0)
        return;
    auto& children = open_.back().children;
    const std::string_view piece(chars(text), static_cast<std::size_t>(length));
    if (kind == NodeKind::text && !children.empty() && children.back().kind == NodeKind::text) {
        children.back().content += piece; // a text arrives in pieces around references
        return;
    }
    if (!count(1))
        return;
    Node node;
    node.kind = kind;
    node.content = piece;
    children.push_back(std::move(node));
}

void Reading::leaf(NodeKind kind, const xmlChar* name, const xmlChar* text) {
    if (open_.empty() || head_only_ || !count(1))
        return;
    Node node;
    node.kind = kind;
    node.name = chars(name);
    node.content = chars(text);
    open_.back().children.push_back(std::move(node));
}

xmlSAXHandler Reading::handlers() {
    xmlSAXHandler h{};
    h.initialized = XML_SAX2_MAGIC;
    h.startElementNs = [](void* p, const xmlChar* name, const xmlChar* prefix, const xmlChar* uri,
                          int n, const xmlChar** spaces, int m, int, const xmlChar** attributes) {
        guarded(p, [&](Reading& r) { r.start(name, prefix, uri, n, spaces, m, attributes); });
    };
    h.endElementNs = [](void* p, const xmlChar*, const xmlChar*, const xmlChar*) {
        guarded(p, [](Reading& r) { r.end(); });
    };
    h.characters = [](void* p, const xmlChar* text, int n) {
        guarded(p, [&](Reading& r) { r.characters(NodeKind::text, text, n); });
    };
    h.ignorableWhitespace = h.characters;
    h.cdataBlock = [](void* p, const xmlChar* text, int n) {
        guarded(p, [&](Reading& r) { r.characters(NodeKind::cdata, text, n); });
    };
    h.comment = [](void* p, const xmlChar* text) {
        guarded(p, [&](Reading& r) { r.leaf(NodeKind::comment, nullptr, text); });
    };
    h.processingInstruction = [](void* p, const xmlChar* target, const xmlChar* data) {
        guarded(p, [&](Reading& r) { r.leaf(NodeKind::instruction, target, data); });
    };
    h.getEntity = [](void*, const xmlChar* name) { return xmlGetPredefinedEntity(name); };
    h.entityDecl = [](void* p, const xmlChar* name, int, const xmlChar*, const xmlChar*, xmlChar*) {
        guarded(p, [&](Reading& r) {
            r.fail(
                fmt::format("entity '{}' declared; entities of a document's own are not accepted",
                            chars(name)));
        });
    };
    h.internalSubset = [](void* p, const xmlChar*, const xmlChar* external, const xmlChar* system) {
        guarded(p, [&](Reading& r) {
            if (external || system)
                r.fail("an external document type is referred to, which is not accepted");
        });
    };
    h.reference = [](void* p, const xmlChar* name) {
        guarded(p, [&](Reading& r) {
            r.fail(fmt::format("entity '{}' is not declared", chars(name)));
        });
    };
    h.serror = [](void* p, xmlErrorPtr e) {
        guarded(p, [&](Reading& r) {
            if (e->level < XML_ERR_ERROR)
                return;
            if (e->code == XML_ERR_NO_MEMORY)
                throw std::bad_alloc(); // the document has no part in it
            std::string text = e->message ? e->message : "not well-formed";
            while (!text.empty() && text.back() == '\n')
                text.pop_back();
            r.malformed(text, e->line);
        });
    };
    return h;
}

// The library keeps a state for each thread, which it makes at the thread's first use and then uses unseen: without memory
// for it, it would crash. Asked here, it says so.
Status init_library() {
    static const bool once = [] {
        xmlInitParser();
        return true;
    }();
    static_cast<void>(once);
#if LIBXML_VERSION >= 21200
    const bool there = xmlCheckThreadLocalStorage() == 0;
#else
    const bool there = xmlGetGlobalState() != nullptr;
#endif
    if (there) return {};
    return Error{.code = ErrorCode::no_memory, .domain = ErrorDomain::xml, .message = "out of memory"};
}

} // namespace

Result<Node> read(std::string_view text, std::string_view what, const Limits& limits) {
    PV_TRY(init_library());
    return Reading(what, limits, false).run(text);
}

Result<DocumentHead> read_head(std::string_view text, std::string_view what, const Limits& limits) {
    PV_TRY(init_library());
    Reading reading(what, limits, true);
    PV_TRY(reading.run(text));
    return reading.take_head();
}

} // namespace polyvirt::sdk::xml
