// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Firewall: our table in the kernel's, written by nft, and put back when somebody else takes it away: other firewalls
// flush what they find. write() and check() run one at a time (the driver submits them to one strand); watch() and its
// callback on the loop.

#include <functional>
#include <string>
#include <vector>

#include <polyvirt/loop.h>
#include <polyvirt/services.h>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "net.h"

namespace polyvirt::network {

class Firewall {
  public:
    explicit Firewall(const plugin::Services& s) : s_(s) {}

    // [worker, init] The table is these networks' from here on. Errors: internal_error with nft's words.
    Status write(pv_call* call, const std::vector<Document>& networks) PV_NO_LOCKS_HELD;
    // [worker, init] Whether the table is not what was written. Where nft cannot say, it is.
    bool changed() PV_NO_LOCKS_HELD;
    // [worker, init] Tells of rules of others that drop what networks forward.
    void tell_hindrances() PV_NO_LOCKS_HELD;

    // From here on `touched` is called on the loop, soon after somebody has changed the table.
    Status watch(const plugin::Loop& loop, std::function<void()> touched) PV_NO_LOCKS_HELD;
    void unwatch() PV_NO_LOCKS_HELD;

  private:
    Result<std::string> run(pv_call* call, std::vector<std::string> arguments,
                            const std::string& input) const PV_NO_LOCKS_HELD;
    void read_news();

    const plugin::Services& s_;
    std::string written_; // as nft lists it; empty: there is no table
    std::string told_;    // hindrances that the log has
    UniqueFd socket_;
    const plugin::Loop* loop_ = nullptr;
    std::function<void()> touched_;
    Mutex mu_{Rank::object};
    plugin::Watch news_ PV_GUARDED_BY(mu_), soon_ PV_GUARDED_BY(mu_);
    bool waiting_ PV_GUARDED_BY(mu_) = false; // for soon_
};

} // namespace polyvirt::network
