// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/document.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace polyvirt::sdk::xml {
namespace {

class Documenter final : public Binder {
  public:
    explicit Documenter(std::string_view name) { line(name, "", "element"); }
    std::string take() { return std::move(out_); }

    void flag(const char* name, bool&) override { line(name, "", "element, its presence counts"); }
    void group(const char* name, Inner inner) override {
        line(name, "", "element");
        below(name, [&] { inner(); });
    }
    void size_text(Size&, const SizeRule& r) override {
        line("", "@unit",
             fmt::format("unit of the size, {} if absent", r.implied == 1 ? "bytes" : "KiB"));
        line("", "", "a size");
    }
    void size_attr(const char* name, const char* unit, Size&, const SizeRule&) override {
        line("", fmt::format("@{}", name), "a size");
        line("", fmt::format("@{}", unit), "its unit");
    }
    void raw(const char* name, std::optional<Node>&) override {
        line(name, "", "anything, kept word for word");
    }
    void keep(std::initializer_list<const char*> names, std::vector<Node>&) override {
        for (const char* name : names)
            line(name, "", "kept, not understood by this version");
    }
    void inside(const Namespace& space, Inner inner) override {
        const Namespace* before = std::exchange(space_, &space);
        inner();
        space_ = before;
    }
    void uses(const Namespace& space, bool) override {
        line("", fmt::format("@xmlns:{}", space.prefix), space.uri);
    }
    void when(bool, const char* condition, Inner inner) override {
        const std::string before = std::exchange(condition_, condition);
        inner();
        condition_ = before;
    }
    void require(bool, std::string_view expectation, ErrorCode) override {
        line("", "", expectation);
    }

  private:
    void bind_attr(const char* name, Scalar v, const Rule& r) override {
        line("", fmt::format("@{}", name), holds(v, r));
    }
    void bind_text(Scalar v, const Rule& r) override { line("", "", "text: " + holds(v, r)); }
    void bind_element(const char* name, Scalar v, const Rule& r) override {
        line(name, "", holds(v, r));
    }
    void bind_children(const char* name, Children c) override {
        line(name, "", c.ops->kind == ChildOps::Kind::list ? "element, any number" : "element");
        // An element inside itself (a backing chain) is told once.
        if (std::find(open_.begin(), open_.end(), c.ops) != open_.end())
            return;
        open_.push_back(c.ops);
        below(name, [&] { c.ops->sample(*this); });
        open_.pop_back();
    }

    void bind_mixed(MixedNames names, void*, const MixedOps& ops) override {
        for (std::size_t i = 0; i < names.size(); i++) {
            const std::string name(names[i]);
            line(name, "", "element, any number, its place among its neighbours counts");
            below(name.c_str(), [&] { ops.sample(*this, i); });
        }
    }

    static std::string holds(Scalar v, const Rule& r) {
        std::string text;
        v.ops->expected(r, text);
        if (r.required)
            text += " (required)";
        if (r.why)
            text += fmt::format(": {}", r.why);
        return text;
    }
    template <typename F> void below(const char* name, F&& f) {
        const std::string before = path_;
        const std::string condition = std::exchange(condition_, "");
        path_ += (path_.empty() ? "" : "/") + qualified(name);
        f();
        path_ = before;
        condition_ = condition;
    }
    [[nodiscard]] std::string qualified(std::string_view name) const {
        return space_ && !name.empty() ? fmt::format("{}:{}", space_->prefix, name)
                                       : std::string(name);
    }
    void line(std::string_view name, std::string_view attribute, std::string_view text) {
        std::string where = path_;
        for (const std::string& part : {qualified(name), std::string(attribute)}) {
            if (part.empty())
                continue;
            if (!where.empty())
                where += '/';
            where += part;
        }
        out_ += fmt::format("- `{}`: {}{}\n", where, text,
                            condition_.empty() ? "" : fmt::format(" (where {})", condition_));
    }

    std::string out_, path_, condition_;
    std::vector<const ChildOps*> open_;
    const Namespace* space_ = nullptr;
};

} // namespace

std::string document_item(std::string_view name, void (*sample)(Binder&)) {
    Documenter documenter(name);
    sample(documenter);
    return documenter.take();
}

} // namespace polyvirt::sdk::xml
