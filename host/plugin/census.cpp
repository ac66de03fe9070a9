// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/census.h"

#include <fmt/core.h>

#include "base/sync.h"
#include "host/plugin/thread_kind.h"

namespace polyvirt::plugin {

struct Census::Token::Count {
    Mutex mu{Rank::leaf};
    std::array<std::size_t, kKinds> held PV_GUARDED_BY(mu){};
    std::size_t total PV_GUARDED_BY(mu) = 0;
    CondVar emptied;

    void add(Kind kind) {
        const LeafLock lock(mu);
        ++held[kind];
        ++total;
    }
    void drop(Kind kind) {
        const LeafLock lock(mu);
        --held[kind];
        if (--total == 0) emptied.notify_all();
    }
};

Census::Census() : count_(std::make_shared<Token::Count>()) {}
Census::~Census() = default;

Census::Token& Census::Token::operator=(Token&& other) noexcept {
    std::swap(count_, other.count_);
    std::swap(kind_, other.kind_);
    return *this;
}

Census::Token::~Token() {
    if (count_) count_->drop(kind_);
}

Census::Token Census::take(Kind kind) {
    count_->add(kind);
    Token token;
    token.count_ = count_;
    token.kind_ = kind;
    return token;
}

bool Census::wait_empty(std::chrono::steady_clock::time_point until) {
    LeafLock lock(count_->mu);
    while (count_->total != 0)
        if (!count_->emptied.wait_until(lock, until)) return count_->total == 0;
    return true;
}

std::string Census::describe() const {
    static constexpr std::array<const char*, kKinds> kNames = {"callbacks", "published objects", "jobs", "processes",
                                                               "streams"};
    std::string text;
    const LeafLock lock(count_->mu);
    for (std::size_t i = 0; i < kKinds; ++i)
        if (count_->held[i] != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count_->held[i], kNames[i]);
    return text.empty() ? "nothing" : text;
}

PluginContext::~PluginContext() {
    if (release_ == nullptr) return;
    const std::uint32_t here = thread_kind();
    const ThreadKind kind(here != PV_THREAD_OTHER ? here : std::uint32_t{PV_THREAD_LOOP});
    release_(context_);
}

} // namespace polyvirt::plugin
