// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Ops with arguments that are not ordinary but may come.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <csignal>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <set>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tools/conform/cases/cases.h"
#include "tools/conform/cases/walk.h"

namespace polyvirt::conform {
namespace {

constexpr std::int32_t kInvalidArg = 8;

bool has_type(const OpSpec& op, std::initializer_list<FieldType> types) {
    return std::any_of(op.in.begin(), op.in.end(), [&](const FieldSpec& f) { return std::find(types.begin(), types.end(), f.type) != types.end(); });
}

const FieldSpec* flags_of(const OpSpec& op) {
    const auto at = std::find_if(op.in.begin(), op.in.end(), [](const FieldSpec& f) { return f.type == FieldType::flags && std::string_view(f.name) == "flags"; });
    return at == op.in.end() ? nullptr : &*at;
}

// The lowest and the highest bit that mean nothing.
std::vector<std::uint32_t> unknown_bits(std::uint32_t known) {
    std::vector<std::uint32_t> bits;
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1)
        if ((known & bit) == 0) bits.push_back(bit);
    return bits.size() < 2 ? bits : std::vector<std::uint32_t>{bits.front(), bits.back()};
}

// One life, in which `fits` ops are called as `vary` says.
void live(const Subject& subject, const std::function<bool(const OpSpec&)>& fits, const std::function<std::vector<Arguments>(const OpSpec&)>& vary, const char* nothing) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    const Walked walked = walk_ops(life, scenario, fits, vary);
    life.end();
    if (walked.called == 0) throw Skip{walked.left_out.empty() ? nothing : walked.left_out.front()};
}

} // namespace

void ops_flags(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    std::size_t called = 0;
    for (const OpSpec* op : in_order(life.ops())) {
        const FieldSpec* flags = flags_of(*op);
        bool usable = false;
        const ObjectPtr target = flags != nullptr ? target_of(scenario, *op, usable) : nullptr;
        if (flags == nullptr || !usable) continue;
        for (const std::uint32_t bit : unknown_bits(flags->known)) {
            Arguments a;
            a.flags = bit;
            const Ended e = call_op(life, *op, target, a);
            ++called;
            if (!e.done) complain("ops.flags", "{}: flags {:#x}: it goes on", op->name, bit);
            else if (e.status >= 0) complain("ops.flags", "{}: flags {:#x} mean nothing, and it succeeds", op->name, bit);
            else if (e.code != kInvalidArg) complain("ops.flags", "{}: flags {:#x}: error {} ({}), expected {}", op->name, bit, e.code, e.message, kInvalidArg);
        }
    }
    life.end();
    if (called == 0) throw Skip{"no op that can be called has flags"};
}

void ops_texts(const Subject& subject) {
    const auto fits = [](const OpSpec& op) {
        return has_type(op, {FieldType::text, FieldType::opt_text, FieldType::strings, FieldType::params, FieldType::bytes, FieldType::object, FieldType::u32s, FieldType::u64s});
    };
    const auto vary = [](const OpSpec&) {
        std::vector<Arguments> all;
        for (const auto texts : {Arguments::Texts::empty, Arguments::Texts::garbage, Arguments::Texts::huge}) {
            Arguments a;
            a.texts = texts;
            all.push_back(a);
        }
        Arguments none;
        none.optional = false;
        all.push_back(none);
        for (const char* document : {"", "<", "<a/>", "<domain/>", "<domain><name/></domain>", "<domain><name></name><uuid>x</uuid></domain>",
                                     "<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;&b;&b;'>]><domain><name>&d;</name></domain>",
                                     "<domain><name>a\xff</name></domain>", "<domain type='none'><name>../../etc</name></domain>"}) {
            Arguments a;
            a.document = document;
            if (*document != '\0') all.push_back(a);
        }
        std::string deep = "<domain>";
        for (int i = 0; i < 20000; ++i) deep += "<a>";
        Arguments nested;
        nested.document = deep;
        all.push_back(nested);
        return all;
    };
    live(subject, fits, vary, "no op takes a text or a list");
}

void ops_numbers(const Subject& subject) {
    const auto fits = [](const OpSpec& op) {
        return has_type(op, {FieldType::u32, FieldType::i32, FieldType::u64, FieldType::i64, FieldType::f64, FieldType::boolean, FieldType::enumeration, FieldType::u32s, FieldType::u64s});
    };
    const auto vary = [](const OpSpec& op) {
        std::vector<Arguments> all;
        for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{0x7fffffff}, std::uint64_t{0x80000000}, std::uint64_t{0xffffffff}, ~std::uint64_t{0} >> 1, ~std::uint64_t{0}}) {
            Arguments a;
            a.number = n;
            all.push_back(a);
        }
        std::uint32_t highest = 0;
        for (const FieldSpec& f : op.in)
            if (f.type == FieldType::enumeration) highest = std::max(highest, f.known);
        for (const std::int32_t value : {-1, static_cast<std::int32_t>(highest + 1), 0x7fffffff}) {
            Arguments a;
            a.enumeration = value;
            all.push_back(a);
        }
        return all;
    };
    live(subject, fits, vary, "no op takes a number");
}

void ops_longer(const Subject& subject) {
    const auto vary = [](const OpSpec&) {
        Arguments a;
        a.more = 64;
        return std::vector<Arguments>{a};
    };
    live(subject, any_op, vary, "it has no op");
}

// The calls are ready to enter when the object's end is brought about, so each has it pinned.
void ops_gone(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    std::size_t called = 0;
    std::set<std::uint32_t> kinds;
    for (const OpSpec* op : life.ops()) kinds.insert(op->target);
    kinds.erase(PV_KIND_NONE);
    for (const std::uint32_t kind : kinds) {
        const ObjectPtr target = scenario.fresh(kind);
        if (!target) continue;
        std::vector<std::unique_ptr<Flight>> flights;
        for (const OpSpec* op : in_order(life.ops()))
            if (op->target == kind) flights.push_back(std::make_unique<Flight>(life, *op, target, Arguments{}));
        for (const OpSpec* op : in_order(life.ops())) {
            const std::string_view name = op->slot_name();
            if (op->target == kind && !target->retired && (name == "destroy" || name == "undefine" || name == "remove")) call_op(life, *op, target);
        }
        settle(0, subject.patience);
        if (!target->retired) continue;
        for (const auto& flight : flights) {
            step("{} on {}, which is retired", flight->op().name, target->name);
            flight->begin();
            const Ended e = flight->finish();
            ++called;
            if (!e.returned) complain("ops.gone", "{}: it hangs on an object that is retired", flight->op().name);
        }
    }
    life.end();
    if (called == 0) throw Skip{"there is no object that the plugin makes and ends"};
}

// --- ops that must not block -----------------------------------------------------------------------------------------

namespace {

std::atomic<int> g_trapped{-1};

// A system call that may wait was about to be made: it is remembered and answered "no such call".
void trapped(int, siginfo_t* info, void* context) {
    g_trapped = info->si_syscall;
#if defined(__x86_64__)
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
    static_cast<ucontext_t*>(context)->uc_mcontext.regs[0] = static_cast<unsigned long long>(-ENOSYS);
#else
    static_cast<void>(context);
#endif
}

struct Waiting {
    long number;
    const char* name;
};
constexpr Waiting kWaiting[] = {
#define PV_CALL(name) {SYS_##name, #name}
    PV_CALL(nanosleep), PV_CALL(clock_nanosleep), PV_CALL(ppoll),   PV_CALL(pselect6), PV_CALL(epoll_pwait), PV_CALL(wait4),  PV_CALL(waitid),
    PV_CALL(connect),   PV_CALL(accept4),         PV_CALL(fsync),   PV_CALL(fdatasync), PV_CALL(openat),     PV_CALL(execve), PV_CALL(flock),
    PV_CALL(recvfrom),  PV_CALL(recvmsg),
#ifdef SYS_poll
    PV_CALL(poll), PV_CALL(select), PV_CALL(epoll_wait), PV_CALL(open), PV_CALL(pause), PV_CALL(accept),
#endif
#undef PV_CALL
};

// For the calling thread, for ever.
bool forbid_waiting() {
    std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const Waiting& w : kWaiting) {
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(w.number), 0, 1));
        code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

const char* trapped_name() {
    for (const Waiting& w : kWaiting)
        if (w.number == g_trapped) return w.name;
    return "?";
}

} // namespace

void ops_prompt(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    life.begin();
    Scenario scenario(life);
    struct sigaction action {};
    action.sa_sigaction = &trapped;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSYS, &action, nullptr);
    std::size_t called = 0;
    for (const OpSpec* op : in_order(life.ops())) {
        bool usable = false;
        const ObjectPtr target = op->may_block ? nullptr : target_of(scenario, *op, usable);
        if (op->may_block || !usable) continue;
        constexpr int kRounds = 8;
        int waited = 0, pending = 0;
        for (int i = 0; i < kRounds; ++i) {
            g_trapped = -1;
            Flight flight(life, *op, target, {});
            flight.watch_waits(&forbid_waiting);
            step("{}, watched", op->name);
            flight.begin();
            const Ended e = flight.finish();
            ++called;
            waited += flight.waited() ? 1 : 0;
            pending += e.returned && !e.done ? 1 : 0;
            if (g_trapped >= 0) {
                complain("ops.prompt", "{}: it made the system call {}, which may wait", op->name, trapped_name());
                break;
            }
        }
        // Once may be a lock that somebody else had, or a page that was not there: not every time.
        if (waited == kRounds) complain("ops.prompt", "{}: it waits, each of {} times", op->name, kRounds);
        if (pending > 0) complain("ops.prompt", "{}: it returns PV_PENDING and nothing more happens", op->name);
    }
    life.end();
    if (called == 0) throw Skip{"it has no op that must answer from memory"};
}

} // namespace polyvirt::conform
