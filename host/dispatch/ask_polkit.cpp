// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/ask_polkit.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "host/work/worker_pool.h"

namespace polyvirt::dispatch {
namespace {

constexpr std::size_t kAtOnce = 256; // less than Authority takes

class Answers {
  public:
    explicit Answers(std::size_t n) : answers_(n), left_(n) {}

    void put(std::size_t i, Result<access::Answer> answer) {
        const LeafLock lock(mu_);
        answers_[i] = std::move(answer);
        if (--left_ == 0) all_.notify_all();
    }
    void take(std::vector<Result<access::Answer>>& to) {
        const work::WorkerPool::Parked parked;
        LeafLock lock(mu_);
        while (left_ > 0) all_.wait(lock);
        for (auto& answer : answers_) to.push_back(*std::move(answer));
    }

  private:
    Mutex mu_{Rank::leaf};
    CondVar all_;
    std::vector<std::optional<Result<access::Answer>>> answers_ PV_GUARDED_BY(mu_);
    std::size_t left_ PV_GUARDED_BY(mu_);
};

} // namespace

std::vector<Result<access::Answer>> ask_and_wait(const access::Viewer& viewer, std::string_view driver,
                                                 std::span<const Wanted> wanted) {
    std::vector<Result<access::Answer>> all;
    for (std::size_t from = 0; from < wanted.size(); from += kAtOnce) {
        const auto part = wanted.subspan(from, std::min(kAtOnce, wanted.size() - from));
        const auto answers = std::make_shared<Answers>(part.size());
        for (std::size_t i = 0; i < part.size(); ++i)
            viewer.ask(part[i].permission, part[i].object, driver,
                       [answers, i](Result<access::Answer> answer) { answers->put(i, std::move(answer)); });
        answers->take(all);
    }
    return all;
}

} // namespace polyvirt::dispatch
