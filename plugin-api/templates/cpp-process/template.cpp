// SPDX-License-Identifier: Apache-2.0 OR MIT
// Copyright 2026 The polyvirt authors
// A process for each domain and a loop for each, which hears of its end. Domains are transient: `virsh create` makes one,
// and it is gone when its process ends. Guests outlive the daemon, which finds them again. README.md says what to change.

#include <atomic>
#include <charconv>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/wait.h>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/event.h>
#include <polyvirt/gen/dom_config.h>
#include <polyvirt/gen/dom_lifecycle.h>
#include <polyvirt/job.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>
#include <polyvirt/process.h>
#include <polyvirt/sdk/object_table.h>
#include <polyvirt/sdk/records.h>
#include <polyvirt/sdk/xml/reader.h>

namespace {

using namespace polyvirt;

struct Guest : sdk::Object {
    using Object::Object;
    std::int32_t id = 0; // constant once it is published, as are the next two
    std::string xml;
    plugin::Loop loop;
    plugin::ChildProcess process PV_GUARDED_BY(mu);
    std::vector<pv_call*> destroyers PV_GUARDED_BY(mu); // calls that are answered when the process has ended
};
using GuestPtr = std::shared_ptr<Guest>;

Error complaint(ErrorCode code, std::string text) { return Error{.code = code, .message = std::move(text)}; }

// What others can ask for in a description makes no difference here.
constexpr std::uint32_t kXmlFlags =
    PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;

Status check_flags(std::uint32_t flags, std::uint32_t known) {
    if ((flags & ~known) == 0) return {};
    return complaint(ErrorCode::invalid_arg, "unsupported flags " + std::to_string(flags & ~known));
}

class Driver : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{
        .id = "template", .version = "0.1", .uri = "template", .kinds = "domain", .type = "TEMPLATE"};
    using Implements = plugin::implements<ops::dom_config::xml_desc, ops::dom_lifecycle::create_xml,
                                          ops::dom_lifecycle::destroy>;

    static plugin::Claim probe(std::string_view uri, bool /*privileged*/) {
        if (uri != "template:///default") return {};
        return {.score = 100, .canonical = "template:///default", .instance = "default"};
    }

    explicit Driver(const plugin::Services& services) : DriverBase(services) {}

    // Guests that an earlier run of the daemon has left. A record without a process is one that ended meanwhile.
    Status start(pv_call*, std::uint32_t) {
        events_ = plugin::EventQueue(s_, "guests");
        if (!events_) return complaint(ErrorCode::no_memory, "out of memory");
        std::vector<std::string> stale;
        PV_TRY(statuses_.each("", [&](const std::string& record, std::string_view text) {
            if (!readopt(record, text)) stale.push_back(record);
        }));
        for (const std::string& record : stale) PV_TRY(statuses_.remove(record));
        return {};
    }

    Status xml_desc(pv_call*, const pv_obj* obj, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out) {
        PV_TRY(check_flags(in.flags, kXmlFlags));
        if (!plugin::write(s_, out.xml, Guests::from(obj)->xml))
            return complaint(ErrorCode::internal_error, "the description is too long");
        return {};
    }

    Status create_xml(pv_call* call, const pv_obj*, const pv_dom_create_xml_in& in, pv_dom_create_xml_out& out) {
        PV_TRY(check_flags(in.flags, 0));
        PV_ASSIGN_OR_RETURN(const GuestPtr guest, describe(in.xml));
        // Visible first: the host has then said yes to name and uuid, and nobody else can take them.
        PV_TRY(add(call, guest));
        if (Status spawned = spawn(call, guest); !spawned) {
            guests_.remove(*guest);
            answer_destroyers(take_destroyers(*guest));
            return spawned;
        }
        if (Status kept = statuses_.put(guest->uuid.to_string(), record_of(*guest), call); !kept) {
            signal(*guest, SIGKILL); // one that could not be found again after a crash; ended() clears up
            return kept;
        }
        const ObjectLock lock(guest->mu);
        out.obj = guest->handle;
        return {};
    }

    // Answered when the process has ended; no thread waits for that.
    pv_status destroy(pv_call* call, const pv_obj* obj, const pv_dom_destroy_in& in, pv_dom_destroy_out&) {
        if (const Status flags = check_flags(in.flags, 0); !flags) return plugin::fail(s_, call, flags.error());
        const GuestPtr guest = Guests::from(obj);
        {
            const ObjectLock lock(guest->mu);
            if (!guest->removed) {
                guest->destroyers.push_back(call);
                if (guest->process) guest->process.signal(SIGKILL);
                return PV_PENDING;
            }
        }
        return plugin::fail(s_, call, complaint(ErrorCode::no_domain, "domain '" + guest->name + "' is gone"));
    }

  private:
    using Guests = sdk::ObjectTable<Guest>;

    Result<GuestPtr> describe(std::string_view xml) {
        PV_ASSIGN_OR_RETURN(const sdk::xml::DocumentHead head, sdk::xml::read_head(xml, "domain"));
        if (head.root != "domain" || head.name.empty())
            return complaint(ErrorCode::xml_error, "a <domain> with a <name> is expected, not <" + head.root + ">");
        const auto uuid = head.uuid.empty() ? Uuid::random() : Uuid::parse(head.uuid);
        if (!uuid) return complaint(ErrorCode::xml_error, "'" + head.uuid + "' is no uuid");
        auto guest = std::make_shared<Guest>(*uuid, head.name);
        guest->id = next_id_++;
        guest->xml = xml;
        guest->loop = plugin::Loop(s_, PV_LOOP_DEDICATED, head.name.c_str());
        if (!guest->loop) return complaint(ErrorCode::operation_failed, "no thread for another guest");
        return guest;
    }

    Status add(pv_call* call, const GuestPtr& guest) {
        pv_obj_desc desc{};
        desc.dom_id = guest->id;
        desc.state = PV_DOMAIN_RUNNING;
        desc.reason = PV_DOMAIN_RUNNING_BOOTED;
        desc.attrs = PV_ATTR_ACTIVE;
        PV_ASSIGN_OR_RETURN(const Guests::Added added, guests_.add(guest, call, desc));
        if (!added.fresh) return complaint(ErrorCode::operation_failed, "domain '" + guest->name + "' runs already");
        return {};
    }

    // The guest's own program goes here. This one stands for it: it waits until it is killed.
    Status spawn(pv_call* call, const GuestPtr& guest) {
        const plugin::Command command({"/bin/sleep", "infinity"});
        const ObjectLock lock(guest->mu);
        guest->process = plugin::ChildProcess::spawn(s_, call, command, guest->loop, when_ended(guest));
        if (!guest->process) return complaint(ErrorCode::operation_failed, "the guest's process cannot be started");
        tell(*guest, PV_DOMAIN_EVENT_STARTED, PV_DOMAIN_EVENT_STARTED_BOOTED);
        if (!guest->destroyers.empty()) guest->process.signal(SIGKILL); // somebody was quick
        return {};
    }

    // Callbacks hold no guest: it would never go. They hold the driver as they please, it outlives them.
    plugin::ChildProcess::ExitFn when_ended(const GuestPtr& guest) {
        return [this, weak = std::weak_ptr<Guest>(guest)](std::int32_t wait_status) {
            if (const GuestPtr ended = weak.lock()) this->ended(ended, wait_status);
        };
    }

    // On the guest's loop, which must not wait: for the disk there is a worker.
    void ended(const GuestPtr& guest, std::int32_t wait_status) {
        guests_.remove(*guest);
        const std::vector<pv_call*> waiting = take_destroyers(*guest);
        {
            const ObjectLock lock(guest->mu);
            const bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
            tell(*guest, PV_DOMAIN_EVENT_STOPPED,
                 !waiting.empty() ? std::int32_t{PV_DOMAIN_EVENT_STOPPED_DESTROYED}
                                  : std::int32_t{well ? PV_DOMAIN_EVENT_STOPPED_SHUTDOWN : PV_DOMAIN_EVENT_STOPPED_CRASHED});
        }
        // Whatever fails from here on (a full queue, no memory): who waits is answered, and the next start clears up.
        bool later = false;
        plugin::guarded("guest", [&] {
            later = plugin::submit(s_, 0, [this, record = guest->uuid.to_string(), waiting] {
                plugin::guarded("guest", [&] { forget(record); });
                answer_destroyers(waiting);
            });
        });
        if (!later) answer_destroyers(waiting);
    }
    void forget(const std::string& record) const {
        if (const Status removed = statuses_.remove(record); !removed) log::warning("guest", "{}", removed.error().message);
    }

    // Of one that is removed: no more come.
    static std::vector<pv_call*> take_destroyers(Guest& guest) {
        const ObjectLock lock(guest.mu);
        return std::exchange(guest.destroyers, {});
    }
    void answer_destroyers(const std::vector<pv_call*>& calls) const {
        for (pv_call* call : calls) s_.call->complete(call, PV_OK);
    }

    void signal(Guest& guest, int number) {
        const ObjectLock lock(guest.mu);
        if (guest.process) guest.process.signal(number);
    }

    void tell(const Guest& guest, std::int32_t event, std::int32_t detail) PV_REQUIRES(guest.mu) {
        pv_event_domain_lifecycle what{};
        what.event = event;
        what.detail = detail;
        events_.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE,
                     {.handle = guest.handle, .uuid = guest.uuid, .name = guest.name, .dom_id = guest.id}, what);
    }

    // "PID START-TIME\nXML": with the time, a number that another process has got meanwhile is told apart.
    static std::string record_of(Guest& guest) {
        const ObjectLock lock(guest.mu);
        return std::to_string(guest.process.pid()) + " " + std::to_string(guest.process.start_time()) + "\n" + guest.xml;
    }

    bool readopt(const std::string& record, std::string_view text) {
        std::int64_t pid = 0;
        std::uint64_t start_time = 0;
        const std::size_t end = text.find('\n'), blank = text.find(' ');
        if (end == std::string_view::npos || blank > end) return false;
        std::from_chars(text.data(), text.data() + blank, pid);
        std::from_chars(text.data() + blank + 1, text.data() + end, start_time);
        const auto guest = describe_with(record, text.substr(end + 1));
        if (!guest || !add(nullptr, guest)) return false;
        {
            const ObjectLock lock(guest->mu);
            guest->process = plugin::ChildProcess::adopt(s_, pid, start_time, guest->loop, when_ended(guest));
            if (guest->process) return true;
        }
        guests_.remove(*guest);
        return false;
    }

    // The record's name is the uuid, which the document may lack.
    GuestPtr describe_with(const std::string& uuid, std::string_view xml) {
        auto described = describe(xml);
        const auto own = Uuid::parse(uuid);
        if (!described || !own) return nullptr;
        auto guest = std::make_shared<Guest>(*own, (*described)->name);
        guest->id = (*described)->id;
        guest->xml = std::move((*described)->xml);
        guest->loop = std::move((*described)->loop);
        return guest;
    }

    plugin::EventQueue events_;
    const sdk::Records statuses_{s_, PV_STATE_STATUS, ErrorDomain::none};
    Guests guests_{s_, PV_KIND_DOMAIN, ErrorDomain::none, "domain"};
    std::atomic<std::int32_t> next_id_{1};
};

} // namespace

PV_PLUGIN(Driver);
