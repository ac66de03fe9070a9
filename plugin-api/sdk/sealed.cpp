// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/sealed.h"

#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::sdk {
namespace {

constexpr std::string_view kMark = "\n#sealed 1 ";
constexpr std::size_t kMaxLine = 64;

// FNV-1a: against accidents, not against people.
std::uint64_t checksum(std::string_view bytes) {
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const char c : bytes) {
        sum ^= static_cast<unsigned char>(c);
        sum *= 0x100000001b3;
    }
    return sum;
}

template <typename... A> Error torn_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::internal_error, ErrorDomain::none, f, std::forward<A>(a)...);
}

} // namespace

std::string seal(std::string_view contents) {
    std::string sealed(contents);
    sealed += fmt::format("{}{} {:016x}\n", kMark, contents.size(), checksum(contents));
    return sealed;
}

Result<std::string_view> unseal(std::string_view sealed) {
    const std::size_t from = sealed.size() > kMaxLine ? sealed.size() - kMaxLine : 0;
    const std::size_t found = sealed.substr(from).rfind(kMark);
    if (found == std::string_view::npos || sealed.back() != '\n')
        return torn_error("it has {} bytes and no seal at its end", sealed.size());
    const std::size_t mark = from + found;
    const std::string_view contents = sealed.substr(0, mark);
    const char* at = sealed.data() + mark + kMark.size();
    const char* const end = sealed.data() + sealed.size() - 1;
    std::size_t length = 0;
    std::uint64_t sum = 0;
    const auto first = std::from_chars(at, end, length);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ' ') return torn_error("its seal cannot be read");
    const auto second = std::from_chars(first.ptr + 1, end, sum, 16);
    if (second.ec != std::errc{} || second.ptr != end) return torn_error("its seal cannot be read");
    if (length != contents.size())
        return torn_error("it has {} bytes, {} were written", contents.size(), length);
    if (const std::uint64_t is = checksum(contents); is != sum)
        return torn_error("its checksum is {:016x}, {:016x} was written", is, sum);
    return contents;
}

Error SealedRecords::torn(const std::string& name, const Error& why) const {
    records_.set_aside(name, "the record is torn: " + why.message);
    return make_error(ErrorCode::internal_error, domain_, "the record '{}' is torn and was set aside: {}", name,
                      why.message);
}

Result<std::optional<std::string>> SealedRecords::get(const std::string& name, std::size_t max_length) const {
    auto found = records_.get(name, max_length + kMark.size() + kMaxLine);
    if (!found || !*found) return found;
    const auto contents = unseal(**found);
    if (!contents) return torn(name, contents.error());
    return std::optional<std::string>(*contents);
}

Result<std::size_t>
SealedRecords::each(const std::string& folder,
                    const std::function<void(const std::string& name, std::string_view data)>& use) const {
    std::vector<std::pair<std::string, Error>> broken; // set aside when nobody walks through the folder any more
    PV_TRY(records_.each(folder, [&](const std::string& name, std::string_view data) {
        if (const auto contents = unseal(data); contents)
            use(name, *contents);
        else
            broken.emplace_back(name, contents.error());
    }));
    for (const auto& [name, why] : broken) log::error("records", "{}", torn(name, why).message);
    return broken.size();
}

} // namespace polyvirt::sdk
