// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/calling.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sys/resource.h>

#include <polyvirt/abi/check.h>

#include "tools/conform/host/services.h"
#include "tools/conform/process_state.h"

namespace polyvirt::conform {
namespace {

constexpr std::int64_t kHour = 3600'000'000'000;
constexpr std::size_t kHuge = std::size_t{1} << 20;

pv_obj view_of(const Object& o, const pv_obj* parent) {
    pv_obj v{};
    v.size = sizeof v;
    v.kind = o.kind;
    v.handle = o.handle;
    std::memcpy(v.uuid, o.uuid.data(), sizeof v.uuid);
    v.name = o.name.c_str();
    v.dom_id = o.dom_id;
    v.state = o.state;
    v.attrs = o.attrs;
    v.data = o.data;
    v.parent = parent;
    return v;
}

// How often the calling thread has given up its processor of its own accord.
long own_waits() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

template <typename T> void put(void* to, std::size_t offset, T value) { std::memcpy(static_cast<char*>(to) + offset, &value, sizeof value); }

} // namespace

// Fills `in` and `out` by the spec. Everything that the plugin borrows stands in pages of the call's.
class ArgumentMaker {
  public:
    ArgumentMaker(Life& life, const OpSpec& op, const Arguments& a, pv_call* call) : life_(life), op_(op), a_(a), call_(call) {}

    void* in() {
        std::vector<char> bytes(op_.in_size + a_.more, static_cast<char>(0xa5));
        std::memset(bytes.data(), 0, op_.in_size);
        put(bytes.data(), 0, static_cast<std::uint32_t>(bytes.size()));
        for (const FieldSpec& f : op_.in) field(f, bytes.data());
        return keep(bytes.data(), bytes.size());
    }
    void* out() {
        std::vector<char> bytes(op_.out_size + a_.more, 0);
        put(bytes.data(), 0, static_cast<std::uint32_t>(bytes.size()));
        for (const FieldSpec& f : op_.out) builder(f, bytes.data());
        return keep(bytes.data(), bytes.size());
    }

  private:
    void* keep(const void* data, std::size_t size) {
        Guarded g(size == 0 ? 1 : size, 0);
        std::memcpy(g.at(), data, size);
        call_->memory.push_back(g);
        return g.at();
    }
    const char* text(const std::string& t) { return static_cast<const char*>(keep(t.c_str(), t.size() + 1)); }

    std::string words(const FieldSpec& f) {
        const std::string_view name(f.name);
        const bool document = name.find("xml") != std::string_view::npos || name == "description" || name == "desc";
        switch (a_.texts) {
        case Arguments::Texts::empty: return "";
        case Arguments::Texts::huge: return document ? "<domain><name>" + std::string(kHuge, 'x') + "</name></domain>" : std::string(kHuge, 'x');
        case Arguments::Texts::garbage: return document ? "<domain type='\xff&<<name>no" : "\x01\xff%s%n../../\xc0\x80";
        default: break;
        }
        if (!document) return name.find("path") != std::string_view::npos ? "/conform/none" : "conform";
        if (!a_.document.empty()) return a_.document;
        const std::uint32_t kind = kind_of_table();
        const std::string made = document_for(life_, kind, "conform-made");
        return made.empty() ? "<conform/>" : made;
    }
    std::uint32_t kind_of_table() const {
        for (const FieldSpec& f : op_.out)
            if (f.type == FieldType::handle && f.kind != 0) return f.kind;
        return op_.target;
    }
    void field(const FieldSpec& f, void* to) {
        switch (f.type) {
        case FieldType::flags: return put(to, f.offset, a_.flags);
        case FieldType::u32:
        case FieldType::i32: return put(to, f.offset, static_cast<std::uint32_t>(a_.number));
        case FieldType::boolean: return put(to, f.offset, static_cast<std::int32_t>(a_.number != 0));
        case FieldType::enumeration: return put(to, f.offset, a_.enumeration);
        case FieldType::u64:
        case FieldType::i64: return put(to, f.offset, a_.number);
        case FieldType::f64: return put(to, f.offset, static_cast<double>(a_.number));
        case FieldType::text: return put(to, f.offset, text(words(f)));
        case FieldType::opt_text:
            if (a_.optional && a_.texts != Arguments::Texts::ordinary) put(to, f.offset, text(words(f)));
            return;
        case FieldType::object: return object(f, to);
        case FieldType::bytes: return list(f, to, keep("conform", 7), 7);
        case FieldType::u32s:
        case FieldType::u64s: {
            const std::uint64_t numbers[2] = {a_.number, a_.number};
            return list(f, to, keep(numbers, sizeof numbers), 2);
        }
        case FieldType::strings: {
            const char* const texts[2] = {text("conform"), text(a_.texts == Arguments::Texts::empty ? "" : "other")};
            return list(f, to, keep(texts, sizeof texts), 2);
        }
        case FieldType::params: {
            pv_param p{};
            p.field = text(a_.texts == Arguments::Texts::empty ? "" : "conform_unknown");
            p.type = PV_PARAM_UINT;
            p.v.ui = 1;
            return list(f, to, keep(&p, sizeof p), 1);
        }
        default: return; // objects, descriptors, records: none
        }
    }
    void list(const FieldSpec& f, void* to, const void* at, std::uint32_t n) {
        if (!a_.optional) return;
        put(to, f.offset, at);
        put(to, f.count_offset, n);
    }
    void object(const FieldSpec& f, void* to) {
        const auto found = objects_of(life_.host(), f.kind);
        if (found.empty() || !a_.optional) return;
        const pv_obj v = view_of(*found.front(), nullptr);
        put(to, f.offset, static_cast<const pv_obj*>(keep(&v, sizeof v)));
    }
    template <typename T> void made(const FieldSpec& f, void* to, const char* what) {
        const LeafLock lock(g_mu);
        T* b = world().handles.add(std::make_unique<T>(), what);
        b->call = call_;
        call_->builders.push_back(b);
        if constexpr (requires { b->family; }) b->family = f.family;
        put(to, f.offset, b);
    }
    void builder(const FieldSpec& f, void* to) {
        switch (f.type) {
        case FieldType::text:
        case FieldType::opt_text:
        case FieldType::bytes: return made<pv_sink>(f, to, "sink of a call");
        case FieldType::params: return made<pv_params>(f, to, "list of a call");
        case FieldType::strings: return made<pv_strings>(f, to, "list of a call");
        case FieldType::objects: return made<pv_objs>(f, to, "list of a call");
        case FieldType::records: return made<pv_records>(f, to, "list of a call");
        case FieldType::groups: return made<pv_groups>(f, to, "list of a call");
        default: return;
        }
    }
    Life& life_;
    const OpSpec& op_;
    const Arguments& a_;
    pv_call* call_;
};

Flight::Flight(Life& life, const OpSpec& op, const ObjectPtr& target, const Arguments& arguments) : life_(life), op_(op), target_(target) {
    static std::uint64_t next_id = 0;
    const auto made = [&] {
        const LeafLock lock(g_mu);
        pv_call* c = world().handles.add(std::make_unique<pv_call>(), "call");
        c->op = &op;
        c->host = life.host();
        c->id = ++next_id;
        c->client = arguments.client;
        c->authorised = arguments.authorised;
        c->target = target;
        if (op.stream != 0) c->stream = new_stream(c, op.stream);
        gone_ = target && target->retired;
        if (target && !gone_) {
            ++target->pins;
            c->pinned.push_back(target);
        }
        return c;
    };
    call_ = made();
    life.note_call(call_);
    ArgumentMaker maker(life, op, arguments, call_);
    in_ = maker.in();
    out_ = maker.out();
    call_->out = out_;
    if (!target) return;
    const LeafLock lock(g_mu);
    const auto& objects = life.host()->objects;
    if (const auto parent = objects.find(target->parent); parent != objects.end()) parent_ = view_of(*parent->second, nullptr);
    view_ = view_of(*target, parent_.size != 0 ? &parent_ : nullptr);
}

Flight::~Flight() {
    if (!thread_.joinable()) return;
    if (now().returned) thread_.join();
    else thread_.detach(); // it hangs in the plugin; the process ends soon
}

void Flight::begin() {
    if (gone_) {
        const LeafLock lock(g_mu);
        call_->returned = true;
        call_->errors.push_back({static_cast<std::int32_t>(ErrorCode::no_domain), "the object is not there any more"});
        end_call(call_, call_->status = PV_FAIL);
        ++world().activity;
        g_changed.notify_all();
        return;
    }
    thread_ = std::thread([this] { enter(); });
}

void Flight::enter() {
    const OpFn fn = life_.slot(op_);
    // Snapshots of objects are made for each call: the plugin may not rely on anything outside this thread's call.
    Guarded obj(sizeof(pv_obj), 0), parent(sizeof(pv_obj), 0);
    if (view_.parent != nullptr) {
        std::memcpy(parent.at(), &parent_, sizeof parent_);
        view_.parent = static_cast<const pv_obj*>(parent.at());
    }
    std::memcpy(obj.at(), &view_, sizeof view_);
    obj.read_only();
    pv_call* const call = call_;
    pv_status status = PV_FAIL;
    const bool watched = forbid_ != nullptr && forbid_();
    const long waits = watched ? own_waits() : 0;
    {
        const PluginScope scope(PV_THREAD_WORKER, op_.name);
        if (!op_.may_block) t_state.prompt = &op_;
        status = fn(life_.host()->inst, call, target_ ? static_cast<const pv_obj*>(obj.at()) : nullptr, in_, out_);
    }
    if (watched) waited_ = own_waits() > waits;
    const LeafLock lock(g_mu);
    call->memory.push_back(obj);
    call->memory.push_back(parent);
    const pv_status early = call->status;
    call->returned = true;
    call->status = status;
    if (status > PV_PENDING || status < PV_ABI) {
        complain("calls.error", "{}: returned {}, which is no status", call->name(), status);
        call->status = status = PV_FAIL;
        call->errors.push_back({1, "no status"});
    }
    if (status == PV_PENDING) {
        if (call->completed) end_call(call, early);
    } else {
        if (call->completed) complain("calls.complete", "{}: completed, and returned {}", call->name(), status);
        end_call(call, status);
    }
    ++world().activity;
    g_changed.notify_all();
}

Ended Flight::now() const {
    const LeafLock lock(g_mu);
    Ended e;
    e.returned = call_->returned;
    e.done = call_->done;
    e.status = call_->status;
    if (!call_->errors.empty()) {
        e.code = call_->errors.front().code;
        e.message = call_->errors.front().message;
    }
    return e;
}

namespace {

// In real time. False: it has not returned.
bool wait_for_return(const pv_call* call, double seconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<long>(seconds * 1000));
    LeafLock lock(g_mu);
    while (!call->returned)
        if (!g_changed.wait_until(lock, until) && std::chrono::steady_clock::now() >= until) break;
    return call->returned;
}

} // namespace

Ended Flight::finish() {
    const auto done = [](const void* c) { return static_cast<const pv_call*>(c)->done; };
    const double patience = life_.subject().patience;
    settle_until(done, call_, kHour, patience);
    // Its thread may only sleep for a while: what does so is slow, not stuck.
    if (!now().returned && wait_for_return(call_, std::min(10.0, patience))) settle_until(done, call_, kHour, patience);
    Ended e = now();
    if (e.returned && thread_.joinable()) thread_.join();
    return e;
}

namespace {

// What an op gave back, read before the memory is taken away. The sinks keep what was written.
void read_results(const pv_call* call, Ended& e) {
    const LeafLock lock(g_mu);
    for (const Handle* b : call->builders)
        if (const std::string_view what(b->what); what == "sink of a call" && e.text.empty()) e.text = static_cast<const pv_sink*>(b)->data;
}

// A worker that hangs may be freed by what is delivered beside it.
void free_it(Life& life, Flight& flight, const ObjectPtr& target) {
    for (const char* name : {"dom_job.abort_job", "dom_lifecycle.destroy"}) {
        const OpSpec* op = find_op(name);
        if (op == nullptr || life.slot(*op) == nullptr || !target || target->kind != op->target || &flight.op() == op) continue;
        step("{} hangs: trying {}", flight.op().name, name);
        Flight helper(life, *op, target, {});
        helper.begin();
        helper.finish();
        settle_until([](const void* c) { return static_cast<const pv_call*>(c)->returned; }, flight.call(), 0, 2);
        if (flight.now().returned) return;
    }
    complain("ops.ordinary", "{}: it does not return, whatever else is done", flight.op().name);
    throw GiveUp{fmt::format("{} hangs", flight.op().name)};
}

} // namespace

Ended call_op(Life& life, const OpSpec& op, const ObjectPtr& target, const Arguments& arguments) {
    step("{}{}{}", op.name, target ? " on " : "", target ? target->name : "");
    const ProcessState before = ProcessState::take();
    Flight flight(life, op, target, arguments);
    flight.begin();
    Ended e = flight.finish();
    if (!e.returned) {
        free_it(life, flight, target);
        e = flight.finish();
    }
    read_results(flight.call(), e);
    ProcessState::take().compare(before, op.name);
    pv_stream* stream = flight.call()->stream;
    if (e.done && e.status == PV_OK && stream != nullptr) {
        for (const bool finish : {false, true}) {
            talk(stream, finish);
            settle(0, 5);
        }
        const LeafLock lock(g_mu);
        if (!stream->attached && !stream->over) complain("ops.ordinary", "{}: it succeeded and did nothing with its stream", op.name);
        end_stream(stream, PV_STREAM_ABORTED);
    }
    log_text("{}: {} {}", op.name, e.done ? fmt::format("status {}", e.status) : "pending", e.message);
    return e;
}

Ended call_op(Life& life, const char* op, const ObjectPtr& target, const Arguments& arguments) {
    return call_op(life, *find_op(op), target, arguments);
}

} // namespace polyvirt::conform
