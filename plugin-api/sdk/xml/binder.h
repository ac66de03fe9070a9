// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Binder: what the one description of an element is written against. A description names the
// attributes and children of a struct once, in the order in which they are printed:
//
//     struct Vcpu { Placement placement{}; CpuSet cpuset; std::optional<unsigned> current, max; };
//     void describe(Binder& b, Vcpu& v) {
//         b.attr("placement", v.placement);
//         b.attr("cpuset", v.cpuset);
//         b.attr("current", v.current, Rule{}.limits(1, 4096));
//         b.text(v.max);
//     }
//
// Reading (parse.h), printing (format.h), comparing (compare.h) and documentation (document.h) are
// Binders; a description is found by argument-dependent look-up and compiled once. It must not
// depend on which Binder it meets, nor change the struct itself. docs/xml.md tells the whole story.
// A Binder lives on one thread, for one document.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/codes.h"
#include "sdk/xml/node.h"
#include "sdk/xml/scalar.h"

namespace polyvirt::sdk::xml {

class Binder;

// A namespace of its own inside a document: elements named "prefix:...", bound by `uri`.
struct Namespace {
    const char* prefix;
    const char* uri;
};

// An element with content of its own: at most one that is printed when it has content (group), at
// most one whose presence counts (optional), or any number (list).
struct ChildOps {
    enum class Kind : unsigned char { group, optional, list };
    Kind kind;
    std::size_t (*count)(const void* field);
    void* (*at)(void* field, std::size_t index);
    void* (*add)(void* field);
    void (*describe)(Binder& binder, void* item);
    void (*sample)(Binder& binder); // describes an empty one, for the documentation
};
struct Children {
    void* field;
    const ChildOps* ops;
};

// Children of several names in one list, whose order among each other counts. An item knows which
// of the names it has: `std::size_t which`.
struct MixedOps {
    std::size_t (*count)(const void* field);
    void* (*at)(void* field, std::size_t index);
    std::size_t (*which)(const void* field, std::size_t index);
    void* (*add)(void* field, std::size_t which);
    void (*describe)(Binder& binder, void* item);
    void (*sample)(Binder& binder, std::size_t which);
};
using MixedNames = std::span<const std::string_view>;

// A callable by reference; lives no longer than the call it is passed to.
class Inner {
  public:
    template <typename F>
    requires(!std::same_as<std::remove_cvref_t<F>, Inner>)
        Inner(F&& f) // NOLINT(google-explicit-constructor)
        : object_(const_cast<void*>(static_cast<const void*>(&f))),
          call_([](void* o) { (*static_cast<std::remove_reference_t<F>*>(o))(); }) {}
    void operator()() const { call_(object_); }

  private:
    void* object_;
    void (*call_)(void*);
};

// Memory and disk sizes: read in any unit, held and printed in units of `factor` bytes. Rounded up.
struct SizeRule {
    std::uint64_t factor = 1024;      // what one of the held number is
    std::string_view printed = "KiB"; // the unit it is printed with
    std::uint64_t implied = 1024;     // bytes of one when the text gives no unit
    bool required = false;
};
using Size = std::optional<std::uint64_t>;

class Binder {
  public:
    Binder(const Binder&) = delete;
    Binder& operator=(const Binder&) = delete;
    virtual ~Binder() = default;

    // name='value' of the current element.
    template <typename T> void attr(const char* name, T& v, const Rule& r = {}) {
        bind_attr(name, scalar(v), r);
    }
    // The text of the current element.
    template <typename T> void text(T& v, const Rule& r = {}) { bind_text(scalar(v), r); }
    // <name>value</name>
    template <typename T> void element(const char* name, T& v, const Rule& r = {}) {
        bind_element(name, scalar(v), r);
    }
    // <name/>: whether it is there.
    virtual void flag(const char* name, bool& present) = 0;
    // A child element with a description of its own: T (group), std::optional<T>, std::vector<T>.
    template <typename T> void child(const char* name, T& field);
    // Child elements of several names, in the order of the document.
    template <typename T> void mixed(MixedNames names, std::vector<T>& items);
    // A child element without a struct of its own: printed when something in it is.
    virtual void group(const char* name, Inner inner) = 0;
    // Sizes: of the current element (number in the text, unit in `unit`), and in two attributes.
    virtual void size_text(Size& v, const SizeRule& r = {}) = 0;
    virtual void size_attr(const char* name, const char* unit, Size& v, const SizeRule& r = {}) = 0;
    // A subtree kept word for word, whatever is in it.
    virtual void raw(const char* name, std::optional<Node>& node) = 0;
    // Children known by name, kept and printed again, but not understood yet: each is recorded.
    virtual void keep(std::initializer_list<const char*> names, std::vector<Node>& kept) = 0;
    // What stands inside belongs to that namespace.
    virtual void inside(const Namespace& space, Inner inner) = 0;
    // On the outermost element, after its attributes: this namespace is in use.
    virtual void uses(const Namespace& space, bool in_use) = 0;
    // What applies only sometimes; `condition` says when, in words for the documentation, which
    // goes through every branch.
    virtual void when(bool applies, const char* condition, Inner inner) = 0;
    // A rule across attributes of the current element. Reading fails with `expectation` if broken.
    virtual void require(bool holds, std::string_view expectation,
                         ErrorCode code = ErrorCode::xml_error) = 0;

  protected:
    Binder() = default;
    virtual void bind_attr(const char* name, Scalar v, const Rule& r) = 0;
    virtual void bind_text(Scalar v, const Rule& r) = 0;
    virtual void bind_element(const char* name, Scalar v, const Rule& r) = 0;
    virtual void bind_children(const char* name, Children c) = 0;
    virtual void bind_mixed(MixedNames names, void* field, const MixedOps& ops) = 0;
};

namespace detail {
template <typename T> void describe_item(Binder& b, void* item) {
    describe(b, *static_cast<T*>(item));
}
template <typename T> void describe_sample(Binder& b) {
    T sample{};
    describe(b, sample);
}
template <typename T> struct Field {
    using Item = T;
    static constexpr ChildOps ops{ChildOps::Kind::group,
                                  [](const void*) -> std::size_t { return 1; },
                                  [](void* f, std::size_t) -> void* { return f; },
                                  [](void* f) -> void* { return f; },
                                  describe_item<T>,
                                  describe_sample<T>};
};
template <typename T> struct Field<std::optional<T>> {
    static constexpr ChildOps ops{
        ChildOps::Kind::optional,
        [](const void* f) -> std::size_t {
            return static_cast<const std::optional<T>*>(f)->has_value() ? 1 : 0;
        },
        [](void* f, std::size_t) -> void* { return &**static_cast<std::optional<T>*>(f); },
        [](void* f) -> void* { return &static_cast<std::optional<T>*>(f)->emplace(); },
        describe_item<T>,
        describe_sample<T>};
};
template <typename T> struct Field<std::vector<T>> {
    static constexpr ChildOps ops{
        ChildOps::Kind::list,
        [](const void* f) -> std::size_t { return static_cast<const std::vector<T>*>(f)->size(); },
        [](void* f, std::size_t i) -> void* { return &(*static_cast<std::vector<T>*>(f))[i]; },
        [](void* f) -> void* { return &static_cast<std::vector<T>*>(f)->emplace_back(); },
        describe_item<T>,
        describe_sample<T>};
};
template <typename T> struct MixedField {
    static constexpr MixedOps ops{
        [](const void* f) -> std::size_t { return static_cast<const std::vector<T>*>(f)->size(); },
        [](void* f, std::size_t i) -> void* { return &(*static_cast<std::vector<T>*>(f))[i]; },
        [](const void* f, std::size_t i) -> std::size_t {
            return (*static_cast<const std::vector<T>*>(f))[i].which;
        },
        [](void* f, std::size_t which) -> void* {
            T& item = static_cast<std::vector<T>*>(f)->emplace_back();
            item.which = which;
            return &item;
        },
        describe_item<T>,
        [](Binder& b, std::size_t which) {
            T sample{};
            sample.which = which;
            describe(b, sample);
        }};
};
} // namespace detail

template <typename T> void Binder::mixed(MixedNames names, std::vector<T>& items) {
    bind_mixed(names, &items, detail::MixedField<T>::ops);
}

template <typename T> void Binder::child(const char* name, T& field) {
    bind_children(name, Children{&field, &detail::Field<T>::ops});
}

} // namespace polyvirt::sdk::xml
