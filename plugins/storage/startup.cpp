// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the driver does before the first client comes in: reads what users defined, looks which pools are still there,
// starts what should be started. Nobody waits long for a pool that does not answer.

#include <atomic>
#include <utility>

#include <polyvirt/abi/entry.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"

namespace polyvirt::storage {
namespace {

constexpr std::int64_t kPatience = 3'000'000'000; // of the daemon's start
constexpr const char* kAutostarted = "autostarted";

// "folder/NAME.suffix" -> NAME; empty if it is something else's.
std::string stem(std::string_view record, std::string_view suffix) {
    if (const std::size_t slash = record.rfind('/'); slash != std::string_view::npos) record.remove_prefix(slash + 1);
    if (record.size() <= suffix.size() || !record.ends_with(suffix)) return {};
    return std::string(record.substr(0, record.size() - suffix.size()));
}

pv_obj_desc described(const doc::Pool& pool, pv_key (&keys)[2], std::string& type) {
    type = doc::kPoolTypes[static_cast<std::size_t>(pool.type)];
    keys[0] = {"type", type.c_str()};
    keys[1] = {"target-path", pool.target ? pool.target->path.c_str() : ""};
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.keys = keys;
    desc.nkeys = pool.target ? 2 : 1;
    return desc;
}

Result<PoolDocument> parse_record(std::string_view xml, const std::string& name) {
    PV_ASSIGN_OR_RETURN(auto parsed, doc::parse_pool(xml));
    if (parsed.value.name != name)
        return make_error(ErrorCode::xml_error, ErrorDomain::storage, "it describes the pool '{}', not '{}'", parsed.value.name, name);
    if (!has_backend(parsed.value.type)) return missing_backend(parsed.value.type);
    return std::make_shared<const doc::Pool>(std::move(parsed.value));
}

} // namespace

// The answer to the host's start: given when the last copy goes, or when patience ends.
class Driver::Revival {
  public:
    Revival(const plugin::Services& s, pv_call* call) : s_(s), call_(call) {}
    Revival(const Revival&) = delete;
    Revival& operator=(const Revival&) = delete;
    ~Revival() { answer(); }
    void answer() {
        if (!answered_.exchange(true)) s_.call->complete(call_, PV_OK);
    }

  private:
    const plugin::Services& s_;
    pv_call* const call_;
    std::atomic<bool> answered_ = false;
};

pv_status Driver::start(pv_call* call, std::uint32_t) {
    // Not in the constructor: create() acquires nothing.
    loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "storage");
    events_ = plugin::EventQueue(s_, "storage");
    if (!loop_ || !events_)
        return answer(call, make_error(ErrorCode::internal_error, ErrorDomain::storage, "the host has no loop or event queue for the driver"));
    auto settings = read_settings(s_);
    if (!settings) return plugin::fail(s_, call, settings.error());
    settings_ = *std::move(settings);
    agent_.configure(settings_);
    const auto revival = std::make_shared<Revival>(s_, call);
    const auto report = [](const Status& read) {
        if (!read) log::error("startup", "{}", read.error().message);
    };
    report(configs_.each("", [this](const std::string& name, std::string_view xml) { load_config(name, xml); }));
    load_autostart();
    std::vector<std::string> left;
    report(data_.each("making", [&](const std::string& name, std::string_view) { left.push_back(making_record(name.substr(name.rfind('/') + 1))); }));
    {
        const LeafLock lock(left_mu_);
        left_ = std::move(left);
    }
    report(statuses_.each("", [&](const std::string& name, std::string_view xml) { load_status(name, xml, revival); }));
    autostart_pools(revival);
    patience_ = loop_.timer(kPatience, 0, [weak = std::weak_ptr<Revival>(revival)] {
        if (const auto late = weak.lock()) late->answer();
    });
    clear_up();
    return PV_PENDING;
}

// Pools stay as they are; their records say all that the next daemon must know.
void Driver::stop(std::uint32_t) { agent_.stop(); }

void Driver::load_config(const std::string& name, std::string_view xml) {
    const std::string pool_name = stem(name, ".xml");
    if (pool_name.empty()) return;
    auto document = parse_record(xml, pool_name);
    if (!document) return configs_.set_aside(name, document.error().message);
    const auto pool = std::make_shared<StoragePool>(*(*document)->uuid, pool_name);
    {
        const ObjectLock lock(pool->mu);
        pool->document = *document;
        pool->persistent = true;
    }
    pv_key keys[2];
    std::string type;
    pv_obj_desc desc = described(**document, keys, type);
    desc.attrs = PV_ATTR_PERSISTENT;
    if (const auto added = pools_.add(pool, nullptr, desc); !added) configs_.set_aside(name, added.error().message);
}

void Driver::load_autostart() {
    const Status read = configs_.each("autostart", [this](const std::string& record, std::string_view text) {
        const auto uuid = Uuid::parse(text.substr(0, text.find('\n')));
        const StoragePoolPtr pool = uuid ? pools_.find(*uuid) : nullptr;
        if (!pool || pool->name != stem(record, ".xml")) return log::warning("startup", "autostart record '{}' belongs to no pool", record);
        const ObjectLock lock(pool->mu);
        pool->autostart = true;
        show(*pool);
    });
    if (!read) log::error("startup", "{}", read.error().message);
}

void Driver::load_status(const std::string& name, std::string_view xml, const std::shared_ptr<Revival>& revival) {
    const std::string pool_name = stem(name, ".xml");
    if (pool_name.empty()) return;
    const auto document = parse_record(xml, pool_name);
    if (!document) return statuses_.set_aside(name, document.error().message);
    const auto fresh = std::make_shared<StoragePool>(*(*document)->uuid, pool_name);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = *document;
    }
    pv_key keys[2];
    std::string type;
    const auto added = pools_.add(fresh, nullptr, described(**document, keys, type));
    if (!added) return statuses_.set_aside(name, added.error().message);
    with_job(nullptr, added->object, "restore", [this, document = *document, revival](const sdk::OperationPtr&, const StoragePoolPtr& pool) {
        return revive_pool(pool, document, revival);
    });
}

Task<Status> Driver::revive_pool(StoragePoolPtr pool, PoolDocument document, [[maybe_unused]] std::shared_ptr<Revival> revival) {
    // Not on the thread that starts the plugin, which has others to start.
    PV_CO_TRY(co_await sdk::on_worker(s_, 0));
    const Place place = place_of(*pool, document);
    Backend& back = backend(document->type);
    const auto there = co_await back.is_started(place);
    Result<Found> found = there ? Result<Found>(Found{}) : Result<Found>(there.error());
    if (there && *there) found = co_await back.refresh(place);
    const bool late = !found && (found.error().code == ErrorCode::operation_timeout || found.error().code == ErrorCode::operation_aborted);
    if (!found) log::warning("startup", "storage pool '{}': {}", pool->name, found.error().message);
    if ((there && !*there) || (!found && !late)) {
        PV_CO_TRY(statuses_.remove(config_record(pool->name)));
        drop_unwanted(pool);
        co_return Status{};
    }
    {
        const ObjectLock lock(pool->mu);
        if (pool->persistent && doc::format_pool(*pool->document) != doc::format_pool(*document)) pool->next = pool->document;
        pool->document = document;
        pool->active = true;
        if (found) take(pool, *pool, *found, pool->clock);
        show(*pool);
    }
    note_health(pool, found ? Status() : Status(found.error()));
    clear_up();
    co_return Status{};
}

// Once per boot of the host: the marker goes with the records of what is active.
void Driver::autostart_pools(const std::shared_ptr<Revival>& revival) {
    const auto marker = statuses_.get(kAutostarted, 100);
    if (!marker || *marker) return;
    if (const Status put = statuses_.put(kAutostarted, "1\n"); !put) log::error("startup", "{}", put.error().message);
    for (const StoragePoolPtr& pool : pools_.all()) {
        {
            const ObjectLock lock(pool->mu);
            if (!pool->autostart) continue;
        }
        with_job(nullptr, pool, "autostart",
                 [this, revival](const sdk::OperationPtr&, const StoragePoolPtr& one) { return autostart_pool(one, revival); });
    }
}

Task<Status> Driver::autostart_pool(StoragePoolPtr pool, [[maybe_unused]] std::shared_ptr<Revival> revival) {
    PV_CO_TRY(co_await sdk::on_worker(s_, 0));
    PoolDocument document;
    {
        const ObjectLock lock(pool->mu);
        if (pool->active) co_return Status{};
        document = pool->document;
    }
    const Status started = co_await start_pool(pool, document);
    if (!started) log::error("startup", "storage pool '{}' is not started: {}", pool->name, started.error().message);
    co_return Status{};
}

void Driver::clear_up() {
    std::vector<std::string> left;
    {
        const LeafLock lock(left_mu_);
        left.swap(left_);
    }
    for (std::string& record : left) sdk::start(clear_up_one(std::move(record)), [](const Status&) {});
}

Task<Status> Driver::clear_up_one(std::string record) {
    PV_CO_TRY(co_await sdk::on_worker(s_, 0));
    const auto text = data_.get(record, 65'536);
    PV_CO_TRY(text);
    std::string_view packed = *text ? std::string_view(**text) : std::string_view();
    const auto facts = Facts::take(packed);
    doc::Pool where;
    const auto type = sdk::xml::scalar(where.type);
    bool known = facts && type.ops->parse(type.value, facts->text("type"), {}) && has_backend(where.type);
    if (known) {
        where.name = facts->text("pool");
        where.source.emplace();
        where.target.emplace();
        where.target->path = facts->text("folder");
        Place place;
        place.pool = std::make_shared<const doc::Pool>(where);
        place.patience = {.pool = where.name, .deadline_ns = settings_.deadline_ns};
        Backend& back = backend(where.type);
        // A file system that is not mounted may be later.
        const bool mounts = where.type == doc::PoolType::fs || where.type == doc::PoolType::netfs;
        Result<bool> there(true);
        if (mounts) there = co_await back.is_started(place);
        Status gone = there ? Status() : Status(there.error());
        if (there && *there) gone = co_await back.discard(place, facts->text("path"));
        if (!gone || !there || !*there) {
            const LeafLock lock(left_mu_);
            left_.push_back(record);
            co_return gone;
        }
        log::info("startup", "storage pool '{}': what was left of a volume in the making is removed", where.name);
    }
    co_return data_.remove(record);
}

} // namespace polyvirt::storage
