// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "taint.h"

#include <algorithm>
#include <iterator>

#include "base/error_text.h"
#include "base/log.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

// By Taint; the words are those that clients of the peer know.
struct TaintRow {
    const char *name, *message;
};
constexpr TaintRow kTaints[] = {{"custom-monitor", "custom monitor control commands issued"},
                                {"custom-ga-command", "custom guest agent control commands issued"}};

template <typename Use> void each(std::uint32_t taints, Use use) {
    for (std::size_t i = 0; i < std::size(kTaints); i++)
        if ((taints >> i & 1U) != 0) use(kTaints[i]);
}

} // namespace

bool taint(const Run& run, Taint what) {
    const GuestPtr& guest = run.guest();
    const auto bit = static_cast<std::uint32_t>(what);
    {
        const ObjectLock lock(guest->mu);
        if (!guest->live || (guest->taints >> bit & 1U) != 0) return false;
        guest->taints |= 1U << bit;
    }
    const std::string text = fmt::format("Domain id={} name='{}' uuid={} is tainted: {}", run.id(), guest->name,
                                         guest->uuid.to_string(), kTaints[bit].name);
    log::warning("run", "{}", text);
    run.note(text);
    return true;
}

std::vector<std::string> taint_messages(std::uint32_t taints) {
    std::vector<std::string> list;
    each(taints, [&](const TaintRow& row) { list.emplace_back(row.message); });
    return list;
}

std::vector<std::string> taint_names(std::uint32_t taints) {
    std::vector<std::string> list;
    each(taints, [&](const TaintRow& row) { list.emplace_back(row.name); });
    return list;
}

std::uint32_t taints_of(const std::vector<std::string>& names) {
    std::uint32_t taints = 0;
    for (std::size_t i = 0; i < std::size(kTaints); i++)
        if (std::find(names.begin(), names.end(), kTaints[i].name) != names.end()) taints |= 1U << i;
    return taints;
}

} // namespace polyvirt::qemu
