// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.migrate: domains move between two imaginary hosts. These know nothing of each other: all that is to be known on
// the other side stands in the document and the cookies that the client carries from one to the other (version 3 of the
// protocol, which begins and confirms on the source; version 2, whose client asks for the document itself and whose perform
// ends the source, knows no cookie, so what was paused runs afterwards). Between prepare and finish the domain waits on the destination,
// paused, and ends with the client that brought it. Moving takes as long as the domain's <fault:long-jobs> says.

#include <optional>
#include <utility>

#include "described.h"
#include "domains.h"
#include "jobs.h"
#include "op.h"
#include "sdk/xml/reader.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

// What makes no difference in memory is taken as done. Not here: peer-to-peer and tunnels, for which this driver would
// have to be a client, domains that are off, TLS and the like.
constexpr std::uint64_t kFlags = PV_MIGRATE_LIVE | PV_MIGRATE_PERSIST_DEST | PV_MIGRATE_UNDEFINE_SOURCE | PV_MIGRATE_PAUSED |
                                 PV_MIGRATE_NON_SHARED_DISK | PV_MIGRATE_NON_SHARED_INC | PV_MIGRATE_UNSAFE |
                                 PV_MIGRATE_COMPRESSED | PV_MIGRATE_ABORT_ON_ERROR | PV_MIGRATE_AUTO_CONVERGE |
                                 PV_MIGRATE_POSTCOPY | PV_MIGRATE_PARALLEL | PV_MIGRATE_ZEROCOPY;
constexpr std::uint32_t kHasCookies = 3; // the protocol from which on
constexpr std::size_t kLongestCookie = 4096;

struct MigrationParams {
    std::string uri, name, document, persistent;
};

Result<MigrationParams> read_params(const pv_param* params, std::uint32_t count) {
    constexpr std::pair<std::string_view, std::string MigrationParams::*> kTexts[] = {{PV_MIGRATE_PARAM_URI, &MigrationParams::uri},
                                                                             {PV_MIGRATE_PARAM_DEST_NAME, &MigrationParams::name},
                                                                             {PV_MIGRATE_PARAM_DEST_XML, &MigrationParams::document},
                                                                             {PV_MIGRATE_PARAM_PERSIST_XML, &MigrationParams::persistent}};
    MigrationParams read;
    for (std::uint32_t i = 0; i < count; ++i)
        for (const auto& [name, member] : kTexts) {
            if (name != params[i].field) continue;
            if (params[i].type != PV_PARAM_STRING || params[i].v.s == nullptr)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "parameter '{}' is no text", name);
            read.*member = params[i].v.s;
        }
    return read;
}

// What the source tells the destination of a domain besides its description.
std::string make_cookie(bool paused) { return fmt::format("<test-migration state='{}'/>", paused ? "paused" : "running"); }
Result<bool> paused_by_cookie(std::uint32_t protocol, const std::uint8_t* cookie, std::uint32_t size) {
    if (protocol < kHasCookies) return false;
    if (size == 0) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "the migration cookie is missing");
    if (size > kLongestCookie)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "the migration cookie has {} bytes, expected at most {}", size, kLongestCookie);
    PV_ASSIGN_OR_RETURN(const sdk::xml::Node root, sdk::xml::read({reinterpret_cast<const char*>(cookie), size}, "migration cookie"));
    const std::string* const state = root.attribute("state");
    if (root.name != "test-migration" || state == nullptr || (*state != "paused" && *state != "running"))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::test,
                          "found migration cookie <{}>, expected <test-migration state='paused|running'/>", root.name);
    return *state == "paused";
}

class Migrate : public Ops {
  public:
    using Ops::Ops;

    pv_status begin(pv_call* call, const pv_obj* obj, const pv_migrate_begin_in& in, pv_migrate_begin_out& out) {
        if (const Status flags = check_flags(in.flags, kFlags, "testDomainMigrateBegin3Params"); !flags) return answer(call, flags);
        const auto params = read_params(in.params, in.nparams);
        if (!params) return fail(call, params.error());
        std::optional<Described> wanted;
        if (!params->document.empty()) {
            auto described = driver_.domains().parse(params->document);
            if (!described) return fail(call, described.error());
            wanted = *std::move(described);
        }
        return driver_.domains().change(call, obj, "begin migration", [this_s = &s_, &out, wanted = std::move(wanted)](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            if (!guest.active()) return not_running();
            if (wanted && wanted->domain->uuid != guest.uuid)
                return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found uuid {} in the document for the destination, expected {}",
                                  wanted->domain->uuid->to_string(), guest.uuid.to_string());
            const Domain& shown = wanted ? *wanted->domain : *guest.live;
            // Declared faults go along with their domain.
            const std::string text = with_faults(format_domain(shown, {.inactive = true, .secure = true, .migratable = true}), guest.faults_text);
            if (!plugin::write(*this_s, out.xml, text) || !plugin::write(*this_s, out.cookie, make_cookie(guest.state == PV_DOMAIN_PAUSED)))
                return make_error(ErrorCode::internal_error, ErrorDomain::test, "the description of '{}' is too long to be sent", guest.name);
            return {};
        });
    }

    pv_status prepare(pv_call* call, const pv_obj*, const pv_migrate_prepare_in& in, pv_migrate_prepare_out& out) {
        if (const Status flags = check_flags(in.flags, kFlags, "testDomainMigratePrepare3Params"); !flags) return answer(call, flags);
        const auto params = read_params(in.params, in.nparams);
        if (!params) return fail(call, params.error());
        const auto paused = paused_by_cookie(in.protocol, in.cookie, in.ncookie);
        if (!paused) return fail(call, paused.error());
        if (params->document.empty())
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "no description of the domain came from the source"));
        auto described = driver_.domains().parse(params->document);
        if (!described) return fail(call, described.error());
        if (!params->name.empty()) {
            auto renamed = std::make_shared<Domain>(*described->domain);
            renamed->name = params->name;
            described->domain = std::move(renamed);
        }
        const auto added = driver_.domains().add(call, *described, false);
        if (!added) return fail(call, added.error());
        // To be carried on to perform and finish.
        const bool told = in.protocol < kHasCookies || put(out.cookie, make_cookie(*paused)) == PV_OK;
        if (!told || (params->uri.empty() && put(out.uri, "test:memory") != PV_OK)) {
            driver_.domains().drop_if_over(added->object);
            return PV_FAIL;
        }
        return driver_.domains().change(call, added->object, "prepare migration",
                                        [this_driver = &driver_, call, described = *std::move(described)](Guest& guest) PV_REQUIRES(guest.mu) {
                                            return arrive(*this_driver, call, guest, described);
                                        });
    }

    pv_status perform(pv_call* call, const pv_obj* obj, const pv_migrate_perform_in& in, pv_migrate_perform_out& out) {
        if (const Status flags = check_flags(in.flags, kFlags, "testDomainMigratePerform3Params"); !flags) return answer(call, flags);
        if (in.dconnuri != nullptr) // only for what drives the migration itself
            return fail(call, make_error(ErrorCode::argument_unsupported, ErrorDomain::test, "peer-to-peer migration is not supported, found the destination '{}'", in.dconnuri));
        const auto paused = paused_by_cookie(in.protocol, in.cookie, in.ncookie);
        if (!paused) return fail(call, paused.error());
        const GuestPtr guest = Domains::of(obj);
        pv_sink* const cookie = in.protocol < kHasCookies ? nullptr : out.cookie;
        return sdk::Operation::start(s_, driver_.loop(), {.call = call, .object = obj->handle, .job_class = PV_JOB_ASYNC, .what = "migrate"},
                                     [&driver = driver_, cookie, guest, flags = in.flags](const sdk::OperationPtr& op) {
                                         move(driver, cookie, guest, flags, op);
                                     });
    }

    pv_status finish(pv_call* call, const pv_obj*, const pv_migrate_finish_in& in, pv_migrate_finish_out& out) {
        if (const Status flags = check_flags(in.flags, kFlags, "testDomainMigrateFinish3Params"); !flags) return answer(call, flags);
        const auto params = read_params(in.params, in.nparams);
        if (!params) return fail(call, params.error());
        const GuestPtr guest = waiting(params->name);
        if (!guest)
            return fail(call, make_error(ErrorCode::no_domain, ErrorDomain::test, "no domain '{}' is being migrated to this host", params->name));
        if (in.cancelled != 0) {
            {
                const ObjectLock lock(guest->mu);
                if (guest->migration.arriving) driver_.domains().halt(*guest, PV_DOMAIN_SHUTOFF_FAILED, PV_DOMAIN_EVENT_STOPPED_FAILED);
                guest->migration.arriving = false;
            }
            driver_.domains().drop_if_over(guest);
            // What clients expect of a finish that was to undo: an error that is none.
            return fail(call, Error{.code = ErrorCode::migrate_finish_ok, .domain = ErrorDomain::test, .message = "migration successfully aborted"});
        }
        const auto paused = paused_by_cookie(in.protocol, in.cookie, in.ncookie);
        if (!paused) return fail(call, paused.error());
        DocumentPtr config;
        if (!params->persistent.empty()) {
            auto described = driver_.domains().parse(params->persistent);
            if (!described) return fail(call, described.error());
            config = described->domain;
        }
        return driver_.domains().change(call, guest, "finish migration",
                                        [this_driver = &driver_, &out, flags = in.flags, paused = *paused, config](Guest& g) PV_REQUIRES(g.mu) -> Status {
                                            PV_TRY(settle(*this_driver, g, flags, paused, config));
                                            out.obj = g.handle;
                                            return {};
                                        });
    }

    pv_status confirm(pv_call* call, const pv_obj* obj, const pv_migrate_confirm_in& in, pv_migrate_confirm_out&) {
        if (const Status flags = check_flags(in.flags, kFlags, "testDomainMigrateConfirm3Params"); !flags) return answer(call, flags);
        Domains& domains = driver_.domains();
        return domains.change(call, obj, "confirm migration",
                              [&domains, flags = in.flags, cancelled = in.cancelled != 0](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
                                  if (!guest.active()) return not_running();
                                  const bool stopped = std::exchange(guest.migration.stopped, false);
                                  if (cancelled) {
                                      if (!stopped) return {};
                                      domains.set_state(guest, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_MIGRATION_CANCELED);
                                      domains.post_lifecycle(guest, PV_DOMAIN_EVENT_RESUMED, PV_DOMAIN_EVENT_RESUMED_MIGRATED);
                                      return {};
                                  }
                                  leave(domains, guest, flags);
                                  return {};
                              });
    }

    // Figures that are kept and change nothing, as nothing is sent.
    pv_status max_downtime(pv_call* call, const pv_obj* obj, const pv_migrate_max_downtime_in& in, pv_migrate_max_downtime_out& out) {
        return read(call, obj, in.flags, 0, "testDomainMigrateGetMaxDowntime", [&out](const Migration& m) { out.downtime = m.downtime_ms; });
    }
    pv_status set_max_downtime(pv_call* call, const pv_obj* obj, const pv_migrate_set_max_downtime_in& in, pv_migrate_set_max_downtime_out&) {
        return write(call, obj, in.flags, 0, "testDomainMigrateSetMaxDowntime", [ms = in.downtime](Migration& m) { m.downtime_ms = ms; });
    }
    pv_status max_speed(pv_call* call, const pv_obj* obj, const pv_migrate_max_speed_in& in, pv_migrate_max_speed_out& out) {
        const bool post_copy = (in.flags & PV_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY) != 0;
        return read(call, obj, in.flags, PV_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, "testDomainMigrateGetMaxSpeed",
                    [&out, post_copy](const Migration& m) { out.bandwidth = post_copy ? m.speed_post_copy : m.speed; });
    }
    pv_status set_max_speed(pv_call* call, const pv_obj* obj, const pv_migrate_set_max_speed_in& in, pv_migrate_set_max_speed_out&) {
        const bool post_copy = (in.flags & PV_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY) != 0;
        if (in.bandwidth > Migration::kMaxSpeed)
            return fail(call, make_error(ErrorCode::overflow, ErrorDomain::test, "bandwidth must be less than {}", Migration::kMaxSpeed + 1));
        return write(call, obj, in.flags, PV_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, "testDomainMigrateSetMaxSpeed",
                     [speed = in.bandwidth, post_copy](Migration& m) { (post_copy ? m.speed_post_copy : m.speed) = speed; });
    }
    pv_status compression_cache(pv_call* call, const pv_obj* obj, const pv_migrate_compression_cache_in& in, pv_migrate_compression_cache_out& out) {
        return read(call, obj, in.flags, 0, "testDomainMigrateGetCompressionCache", [&out](const Migration& m) { out.bytes = m.cache_bytes; });
    }
    pv_status set_compression_cache(pv_call* call, const pv_obj* obj, const pv_migrate_set_compression_cache_in& in,
                                    pv_migrate_set_compression_cache_out&) {
        return write(call, obj, in.flags, 0, "testDomainMigrateSetCompressionCache", [bytes = in.bytes](Migration& m) { m.cache_bytes = bytes; });
    }

    // What is left of the guest's memory follows later: here, the move is over at once.
    pv_status start_post_copy(pv_call* call, const pv_obj* obj, const pv_migrate_start_post_copy_in& in, pv_migrate_start_post_copy_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainMigrateStartPostCopy"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        std::uint64_t number = 0;
        bool wanted = false;
        {
            const ObjectLock lock(guest->mu);
            if (guest->job.operation == PV_DOMAIN_JOB_OPERATION_MIGRATION_OUT) number = guest->job.number;
            wanted = guest->migration.post_copy;
        }
        if (number == 0) return fail(call, invalid("post-copy can only be started while outgoing migration is in progress"));
        if (!wanted) return fail(call, invalid("switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag"));
        end_job(driver_, guest, number, {});
        return PV_OK;
    }

  private:
    GuestPtr waiting(const std::string& name) const {
        for (const GuestPtr& guest : driver_.domains().table().all()) {
            const ObjectLock lock(guest->mu);
            if (guest->name == name && guest->migration.arriving) return guest;
        }
        return nullptr;
    }

    // On the destination: there, and paused until its memory has come.
    static Status arrive(Driver& driver, pv_call* call, Guest& guest, const Described& described) PV_REQUIRES(guest.mu) {
        Domains& domains = driver.domains();
        if (guest.active()) return invalid(fmt::format("domain is already active as '{}'", guest.name));
        domains.take_faults(guest, described);
        domains.boot(guest, described.domain, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_MIGRATION, PV_DOMAIN_EVENT_STARTED_MIGRATED);
        guest.migration.arriving = true;
        const plugin::Services& s = driver.services();
        guest.autodestroy = s.call->client(call);
        if (guest.autodestroy != 0 && s.client->on_close(s.host, guest.autodestroy, kAutodestroy, guest.handle) == PV_GONE)
            domains.halt(guest, PV_DOMAIN_SHUTOFF_FAILED, PV_DOMAIN_EVENT_STOPPED_FAILED);
        return {};
    }

    // On the source: the time that it takes, after which the domain stands still; without a confirm to come (`cookie` is
    // null), it ends here.
    static void move(Driver& driver, pv_sink* cookie, const GuestPtr& guest, std::uint64_t flags, const sdk::OperationPtr& op) {
        {
            bool running = false;
            {
                const ObjectLock lock(guest->mu);
                running = guest->active();
                guest->migration.post_copy = (flags & PV_MIGRATE_POSTCOPY) != 0;
            }
            if (!running) return op->finish(not_running());
        }
        const Status begun = begin_job(driver, guest, PV_DOMAIN_JOB_OPERATION_MIGRATION_OUT, 0, [&driver, cookie, guest, flags, op](const Status& outcome) {
            Status done = outcome;
            if (done) {
                const ObjectLock lock(guest->mu);
                done = guest->active() ? moved(driver, *guest, cookie, flags) : Status(not_running());
            }
            driver.domains().drop_if_over(guest);
            op->finish(done);
        });
        if (!begun) op->finish(begun);
    }
    static Status moved(Driver& driver, Guest& guest, pv_sink* cookie, std::uint64_t flags) PV_REQUIRES(guest.mu) {
        stand_still(driver.domains(), guest);
        if (cookie == nullptr) {
            leave(driver.domains(), guest, flags);
            return {};
        }
        if (plugin::write(driver.services(), cookie, make_cookie(!guest.migration.stopped))) return {};
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "the migration cookie is not taken");
    }
    // It is the destination's from here on.
    static void leave(Domains& domains, Guest& guest, std::uint64_t flags) PV_REQUIRES(guest.mu) {
        domains.halt(guest, PV_DOMAIN_SHUTOFF_MIGRATED, PV_DOMAIN_EVENT_STOPPED_MIGRATED);
        if ((flags & PV_MIGRATE_UNDEFINE_SOURCE) == 0 || !guest.config) return;
        guest.config = nullptr;
        guest.saved = nullptr;
        domains.show(guest);
        domains.post_lifecycle(guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_REMOVED);
    }
    static void stand_still(Domains& domains, Guest& guest) PV_REQUIRES(guest.mu) {
        guest.migration.stopped = guest.state == PV_DOMAIN_RUNNING;
        if (!guest.migration.stopped) return;
        domains.set_state(guest, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_MIGRATION);
        domains.post_lifecycle(guest, PV_DOMAIN_EVENT_SUSPENDED, PV_DOMAIN_EVENT_SUSPENDED_MIGRATED);
    }

    // On the destination: it is this host's domain from here on.
    static Status settle(Driver& driver, Guest& guest, std::uint64_t flags, bool paused, const DocumentPtr& config) PV_REQUIRES(guest.mu) {
        Domains& domains = driver.domains();
        if (!guest.migration.arriving || !guest.active()) return not_running();
        const plugin::Services& s = driver.services();
        if (guest.autodestroy != 0) s.client->forget(s.host, guest.autodestroy, kAutodestroy, guest.handle);
        guest.autodestroy = 0;
        guest.migration.arriving = false;
        if ((flags & PV_MIGRATE_PERSIST_DEST) != 0) {
            const bool fresh = guest.config == nullptr;
            guest.config = config ? config : guest.live;
            domains.show(guest);
            domains.post_lifecycle(guest, PV_DOMAIN_EVENT_DEFINED, fresh ? PV_DOMAIN_EVENT_DEFINED_ADDED : PV_DOMAIN_EVENT_DEFINED_UPDATED);
        }
        if (paused || (flags & PV_MIGRATE_PAUSED) != 0) {
            domains.set_state(guest, PV_DOMAIN_PAUSED, PV_DOMAIN_PAUSED_USER);
            return {};
        }
        domains.set_state(guest, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_MIGRATED);
        domains.post_lifecycle(guest, PV_DOMAIN_EVENT_RESUMED, PV_DOMAIN_EVENT_RESUMED_MIGRATED);
        return {};
    }

    template <typename Use> pv_status read(pv_call* call, const pv_obj* obj, std::uint32_t flags, std::uint32_t known, const char* function, const Use& use) {
        if (const Status right = check_flags(flags, known, function); !right) return answer(call, right);
        const GuestPtr guest = Domains::of(obj);
        const ObjectLock lock(guest->mu);
        if (guest->removed) return fail(call, no_domain(*guest));
        use(guest->migration);
        return PV_OK;
    }
    template <typename Use> pv_status write(pv_call* call, const pv_obj* obj, std::uint32_t flags, std::uint32_t known, const char* function, const Use& use) {
        if (const Status right = check_flags(flags, known, function); !right) return answer(call, right);
        return driver_.domains().change(call, obj, "set migration figures", [use](Guest& guest) PV_REQUIRES(guest.mu) -> Status {
            use(guest.migration);
            return {};
        });
    }
};

} // namespace

const void* dom_migrate_table() {
    static const auto table = make_table<pv_dom_migrate>([](auto& t) {
        t.begin = op<"domain.begin", &Migrate::begin>;
        t.prepare = op<"domain.prepare", &Migrate::prepare>;
        t.perform = op<"domain.perform", &Migrate::perform>;
        t.finish = op<"domain.finish", &Migrate::finish>;
        t.confirm = op<"domain.confirm", &Migrate::confirm>;
        t.max_downtime = op<"domain.max_downtime", &Migrate::max_downtime>;
        t.set_max_downtime = op<"domain.set_max_downtime", &Migrate::set_max_downtime>;
        t.max_speed = op<"domain.max_speed", &Migrate::max_speed>;
        t.set_max_speed = op<"domain.set_max_speed", &Migrate::set_max_speed>;
        t.compression_cache = op<"domain.compression_cache", &Migrate::compression_cache>;
        t.set_compression_cache = op<"domain.set_compression_cache", &Migrate::set_compression_cache>;
        t.start_post_copy = op<"domain.start_post_copy", &Migrate::start_post_copy>;
    });
    return &table;
}

} // namespace polyvirt::test
