// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Ops are called as the host calls them: arguments made by the spec, on a worker, with everything borrowed forbidden once
// the call is over. The case's main thread calls; the op runs on a thread of its own.

#include <functional>
#include <string>
#include <thread>

#include "tools/conform/life.h"

namespace polyvirt::conform {

// How arguments are made. Texts that are not set are ordinary ones: a document, a name.
struct Arguments {
    enum class Texts { ordinary, empty, huge, garbage };
    Texts texts = Texts::ordinary;
    bool optional = true;           // false: NULL for what may be NULL, lists empty
    std::uint32_t flags = 0;
    std::uint64_t number = 0;       // for whatever is a number and no flag
    std::int32_t enumeration = 0;
    std::size_t more = 0;           // `in` and `out` are so much longer, filled with 0xa5
    std::string document;           // for texts named xml; "": made for the kind
    Authorised authorised;          // what the call may publish
    std::uint64_t client = 1;
};

struct Ended {
    bool returned = false, done = false;
    pv_status status = PV_OK; // of the op, or of its completion when done
    std::int32_t code = 0;    // of the first error
    std::string message;
    std::string text;         // what the first sink holds
};

// One op on its way. begin() lets a thread enter it; finish() waits until it is over or nothing moves any more.
class Flight {
  public:
    Flight(Life& life, const OpSpec& op, const ObjectPtr& target, const Arguments& arguments);
    ~Flight();
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    void begin();
    Ended finish();
    // Before begin(): `forbid` is called on the op's thread, and whether that thread waited is noted.
    void watch_waits(bool (*forbid)()) { forbid_ = forbid; }
    [[nodiscard]] bool waited() const { return waited_; }
    [[nodiscard]] Ended now() const;
    [[nodiscard]] pv_call* call() const { return call_; }
    [[nodiscard]] const OpSpec& op() const { return op_; }

  private:
    void enter();
    Life& life_;
    const OpSpec& op_;
    const ObjectPtr target_;
    pv_call* call_;
    pv_obj view_{}, parent_{};
    void *in_ = nullptr, *out_ = nullptr;
    bool (*forbid_)() = nullptr;
    std::atomic<bool> waited_{false};
    bool gone_ = false; // the target was retired since it was chosen: like a client's look-up, this finds it no more
    std::thread thread_;
    friend class ArgumentMaker;
};

// begin() and finish(), then the client's part in a stream. Everything that does not return is complained about, once
// other ops (abort_job, destroy) had their chance to free it.
Ended call_op(Life& life, const OpSpec& op, const ObjectPtr& target, const Arguments& arguments = {});
Ended call_op(Life& life, const char* op, const ObjectPtr& target, const Arguments& arguments = {});

// What a document of that kind is for this plugin; "": there is none that the kit can make.
std::string document_for(Life& life, std::uint32_t kind, const std::string& name);

} // namespace polyvirt::conform
