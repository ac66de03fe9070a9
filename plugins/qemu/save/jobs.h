// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The beginning, the progress and the end of a guest's long job. Any thread.

#include <memory>

#include "guest.h"

namespace polyvirt::qemu {

class Driver;
class Run;

// Shown from here on, to the other queries and to abort_job, until it is ended: in the place of one that runs, which is shown
// again afterwards. `abort`: see LongJob.
class JobTicket {
  public:
    JobTicket(Driver& driver, GuestPtr guest, std::int32_t operation, std::function<void()> abort = nullptr) PV_NO_LOCKS_HELD;
    // One that nobody ended has failed.
    ~JobTicket();
    JobTicket(const JobTicket&) = delete;
    JobTicket& operator=(const JobTicket&) = delete;

    void update(const JobFigures& figures) PV_NO_LOCKS_HELD;
    [[nodiscard]] bool aborted() const PV_NO_LOCKS_HELD;
    // `tell`: with an event for clients.
    void end(const Status& outcome, bool tell = true) PV_NO_LOCKS_HELD;

  private:
    Driver& driver_;
    const GuestPtr guest_;
    std::shared_ptr<LongJob> outer_; // what this is a part of
    bool open_ = true;
};
using JobTicketPtr = std::shared_ptr<JobTicket>;

// "operation aborted: domain save job: canceled by client"
Error job_cancelled(const char* what);

} // namespace polyvirt::qemu
