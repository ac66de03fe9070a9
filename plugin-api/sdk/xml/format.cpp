// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/format.h"

#include <utility>

#include <fmt/core.h>

namespace polyvirt::sdk::xml {
namespace {

class Formatter final : public Binder {
  public:
    explicit Formatter(Writer& writer) : w_(writer) {}

    void flag(const char* name, bool& present) override {
        if (!present)
            return;
        w_.open(qualified(name));
        w_.close();
    }
    void group(const char* name, Inner inner) override {
        w_.open(qualified(name));
        inner();
        w_.close_unless_empty();
    }
    void size_text(Size& v, const SizeRule& r) override {
        if (!v)
            return;
        w_.attribute("unit", r.printed);
        w_.text(fmt::format("{}", *v));
    }
    void size_attr(const char* name, const char* unit, Size& v, const SizeRule& r) override {
        if (!v)
            return;
        w_.attribute(name, fmt::format("{}", *v));
        w_.attribute(unit, r.printed);
    }
    void raw(const char*, std::optional<Node>& node) override {
        if (node)
            w_.raw(*node);
    }
    void keep(std::initializer_list<const char*> names, std::vector<Node>& kept) override {
        // One store may serve several calls, so that each kind is printed in its own place.
        for (const char* name : names) {
            for (const Node& n : kept) {
                if (n.name == name)
                    w_.tidy(n);
            }
        }
    }
    void inside(const Namespace& space, Inner inner) override {
        const Namespace* before = std::exchange(space_, &space);
        inner();
        space_ = before;
    }
    void uses(const Namespace& space, bool in_use) override {
        if (in_use)
            w_.declare(space.prefix, space.uri);
    }
    void when(bool applies, const char*, Inner inner) override {
        if (applies)
            inner();
    }
    void require(bool, std::string_view, ErrorCode) override {}

  private:
    void bind_attr(const char* name, Scalar v, const Rule& r) override {
        if (!v.ops->is_set(v.value))
            return;
        w_.attribute(name, printed(v, r));
    }
    void bind_text(Scalar v, const Rule& r) override {
        if (v.ops->is_set(v.value))
            w_.text(printed(v, r));
    }
    void bind_element(const char* name, Scalar v, const Rule& r) override {
        if (!v.ops->is_set(v.value))
            return;
        w_.open(qualified(name));
        w_.text(printed(v, r));
        w_.close();
    }
    void bind_children(const char* name, Children c) override {
        const std::size_t n = c.ops->count(c.field);
        for (std::size_t i = 0; i < n; i++) {
            w_.open(qualified(name));
            c.ops->describe(*this, c.ops->at(c.field, i));
            c.ops->kind == ChildOps::Kind::group ? w_.close_unless_empty() : w_.close();
        }
    }
    void bind_mixed(MixedNames names, void* field, const MixedOps& ops) override {
        const std::size_t n = ops.count(field);
        for (std::size_t i = 0; i < n; i++) {
            w_.open(qualified(std::string(names[ops.which(field, i)]).c_str()));
            ops.describe(*this, ops.at(field, i));
            w_.close();
        }
    }
    std::string_view qualified(const char* name) {
        if (!space_)
            return name;
        name_ = fmt::format("{}:{}", space_->prefix, name);
        return name_;
    }
    std::string_view printed(Scalar v, const Rule& r) {
        value_.clear();
        v.ops->format(v.value, r, value_);
        return value_;
    }

    Writer& w_;
    const Namespace* space_ = nullptr;
    std::string name_, value_;
};

} // namespace

void format_item(Writer& writer, std::string_view name, void* item,
                 void (*describe)(Binder&, void*)) {
    Formatter formatter(writer);
    writer.open(name);
    describe(formatter, item);
    writer.close();
}

} // namespace polyvirt::sdk::xml
