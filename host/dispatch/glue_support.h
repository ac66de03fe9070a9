// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the generated glue is made of: values of the wire into an op's arguments and a driver's results
// into those of the wire. For generated sources and hand-written adapters only. A function that answers
// false has recorded the error in the call. What is returned lives in the call's arena or its builders.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include <polyvirt/abi/base.h>

#include "host/dispatch/look_up.h"
#include "host/dispatch/wire_call.h"
#include "host/dispatch/wire_objects.h"
#include "host/plugin/builders.h"

namespace polyvirt::dispatch::glue {

using protocol::Bytes;
using protocol::Str;

// --- Objects that the arguments name. Null: there is none, the error says so.

const pv_obj* found_or_error(WireCall& call, Result<plugin::ObjectPtr> found);
template <typename Wire> const pv_obj* find(WireCall& call, const Wire& wire) {
    return found_or_error(call, look_up(call, wire));
}
// Where the wire has nothing but a name.
inline const pv_obj* find_name(WireCall& call, std::uint32_t kind, const Str& name) {
    return found_or_error(call, look_up_name(call, kind, name.view()));
}

template <typename Wire> bool find_all(WireCall& call, std::span<const Wire> from, const pv_obj* const*& to, std::uint32_t& n) {
    const std::span<const pv_obj*> list = call.arena().make_array<const pv_obj*>(from.size());
    for (std::size_t i = 0; i < from.size(); ++i)
        if ((list[i] = find(call, from[i])) == nullptr) return false;
    to = list.data();
    n = static_cast<std::uint32_t>(list.size());
    return true;
}

// --- Other arguments

// Permissions that depend on the arguments, a procedure's decoded NAME_args.
bool take_arguments(WireCall& call, const void* args);
// The name or document that a migration's parameters give to the domain which it makes.
void take_destination(WireCall& call, std::span<const protocol::typed_param> params);
// Rules of the procedure that depend on `value`, the argument that its conditions look at.
bool check_conditional(WireCall& call, std::uint32_t value);
// The most items that the client wants, within `limit`, else an error with that text.
bool take_limit(WireCall& call, std::int64_t value, std::uint32_t limit, ErrorCode code, std::string_view text,
                std::uint32_t& to);
void take_strings(WireCall& call, std::span<const Str> from, const char* const*& to, std::uint32_t& n);
void take_params(WireCall& call, std::span<const protocol::typed_param> from, const pv_param*& to, std::uint32_t& n);
// The descriptors that came with the call; `exactly_one`: any other number is an error.
bool take_fds(WireCall& call, bool exactly_one, const std::int32_t*& to, std::uint32_t& n);

// Typed parameters made of single arguments; absent texts and zeros are left out.
class ParamList {
  public:
    ParamList(WireCall& call, std::size_t max) : list_(call.arena().make_array<pv_param>(max)) {}
    void add(const char* field, const Str& text);
    void add(const char* field, std::uint64_t number);
    [[nodiscard]] const pv_param* data() const { return list_.data(); }
    [[nodiscard]] std::uint32_t size() const { return used_; }

  private:
    std::span<pv_param> list_;
    std::uint32_t used_ = 0;
};

// --- Results

// False (error "Too many ..."): more than the wire carries, or the builder has refused already.
bool fits(WireCall& call, std::size_t found, std::size_t limit, bool failed, const char* what);

inline Str text_of(const pv_sink& sink) { return {sink.data.data(), static_cast<std::uint32_t>(sink.data.size())}; }
inline Str opt_text_of(const pv_sink& sink) { return sink.written ? text_of(sink) : Str{}; }
inline Bytes bytes_of(const pv_sink& sink) {
    return {reinterpret_cast<const std::uint8_t*>(sink.data.data()), static_cast<std::uint32_t>(sink.data.size())};
}
inline Str text_of(const char* text) { return {text, static_cast<std::uint32_t>(std::strlen(text))}; }
inline Str opt_text_of(const char* text) { return text == nullptr ? Str{} : text_of(text); }
// Arrays of characters carry their terminating NUL.
inline std::span<const char> chars_of(const char* text) { return {text, std::strlen(text) + 1}; }
inline std::span<const char> chars_of(const pv_sink& sink) { return {sink.data.c_str(), sink.data.size() + 1}; }
// Fixed arrays are filled up with NUL, the last of which stays.
template <std::size_t N> void chars_into(const pv_sink& sink, std::array<char, N>& to) {
    to = {};
    std::memcpy(to.data(), sink.data.data(), std::min(sink.data.size(), N - 1));
}

std::span<const Str> strings_of(WireCall& call, const char* const* from, std::uint32_t n);
bool strings_of(WireCall& call, const pv_strings& from, std::size_t take, std::uint32_t limit, const char* what,
                std::span<const Str>& to);

// How many parameters the client is told of: `strings` false leaves out the texts.
std::uint32_t count_params(const pv_params& from, bool strings);
bool params_of(WireCall& call, const pv_params& from, bool strings, std::size_t take, std::uint32_t limit,
               const char* what, std::span<const protocol::typed_param>& to);

// Records by reference to each: Record is the ABI's struct.
template <typename Record> std::span<const Record> records_in(const pv_records& from) {
    return {reinterpret_cast<const Record*>(from.data.data()), from.count};
}
template <typename Record, typename Wire, typename F>
bool records_of(WireCall& call, const pv_records& from, std::size_t take, std::uint32_t limit, const char* what,
                std::span<const Wire>& to, F convert) {
    const auto records = records_in<Record>(from).first(std::min(take, from.count));
    if (!fits(call, records.size(), limit, from.failed, what)) return false;
    const std::span<Wire> list = call.arena().make_array<Wire>(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) convert(records[i], list[i]);
    to = list;
    return true;
}
// The same for an array inside a record.
template <typename Record, typename Wire, typename F>
std::span<const Wire> nested_of(WireCall& call, const Record* from, std::uint32_t n, F convert) {
    const std::span<Wire> list = call.arena().make_array<Wire>(n);
    for (std::uint32_t i = 0; i < n; ++i) convert(from[i], list[i]);
    return list;
}
// One map of `stride` bytes per record, longer ones cut, shorter ones filled up with zeros.
template <typename Record, typename F>
bool packed_of(WireCall& call, const pv_records& from, std::size_t take, std::uint32_t stride, std::uint32_t limit,
               const char* what, Bytes& to, F map) {
    const auto records = records_in<Record>(from).first(std::min(take, from.count));
    if (!fits(call, records.size() * stride, limit, from.failed, what)) return false;
    const std::span<std::uint8_t> all = call.arena().make_array<std::uint8_t>(records.size() * stride);
    for (std::size_t i = 0; i < records.size(); ++i) {
        const Bytes one = map(records[i]);
        if (one.size > 0) std::memcpy(all.data() + i * stride, one.data, std::min(one.size, stride));
    }
    to = {all.data(), static_cast<std::uint32_t>(all.size())};
    return true;
}

// False: the object is gone meanwhile, or the driver gave none.
bool seen_anew(WireCall& call, std::uint32_t kind, std::uint64_t handle, plugin::ObjectPtr& to);
template <typename Wire> bool object_of(WireCall& call, std::uint32_t kind, std::uint64_t handle, Wire& to) {
    plugin::ObjectPtr object;
    if (!seen_anew(call, kind, handle, object)) return false;
    to = to_wire<Wire>(call, *object);
    return true;
}
// The target as it is now, or as it was if it is gone.
void target_of(WireCall& call, protocol::domain& to);

// Groups whose object is gone meanwhile, or that the client may not see, are left out.
template <typename Wire, typename F>
bool groups_of(WireCall& call, const pv_groups& from, std::uint32_t limit, std::uint32_t params_limit, const char* what,
               std::span<const Wire>& to, F convert) {
    if (!fits(call, from.list.size(), limit, from.failed, what)) return false;
    const std::span<Wire> list = call.arena().make_array<Wire>(from.list.size());
    std::size_t used = 0;
    call.access().filtering();
    for (const pv_groups::Group& group : from.list) {
        const plugin::ObjectPtr object = call.object(group.handle);
        if (object == nullptr || !call.access().visible(*object)) continue;
        std::span<const protocol::typed_param> params;
        if (!params_of(call, group.params, true, group.params.list.size(), params_limit, what, params)) return false;
        convert(*object, params, list[used++]);
    }
    to = list.first(used);
    return true;
}

// Numbers that the wire holds in fewer bits: the nearest that fits.
template <typename To, typename From> To narrow(From value) {
    return static_cast<To>(std::clamp<std::int64_t>(value, std::numeric_limits<To>::min(), std::numeric_limits<To>::max()));
}

} // namespace polyvirt::dispatch::glue
