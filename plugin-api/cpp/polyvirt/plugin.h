// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A class becomes a plugin:
//
//     class Driver : public plugin::DriverBase {
//       public:
//         static constexpr plugin::About kAbout{.id = "vmm", .version = "1.0", .uri = "vmm", .kinds = "domain"};
//         using Implements = plugin::implements<ops::dom_config::define_xml, ops::dom_config::xml_desc>;
//         static plugin::Claim probe(std::string_view uri, bool privileged);
//         explicit Driver(const plugin::Services& s) : DriverBase(s) {}
//         Status define_xml(pv_call*, const pv_obj*, const pv_dom_define_xml_in&, pv_dom_define_xml_out&);
//         ...
//     };
//     PV_PLUGIN(Driver);        // in one source
//
// What the class may have besides, all public:
//     Driver(const Services&, std::string_view instance)                the instance's key, instead of the above
//     static Result<std::unique_ptr<Driver>> make(const Services&, std::string_view instance)   if making can fail
//     Status start(pv_call*, std::uint32_t how)        [init]; or pv_status, which may be PV_PENDING
//     Status reconfigure(pv_call*)                     [init]
//     void stop(std::uint32_t why)                     [init]
//     Concurrency concurrency() const                  [init] after start(): less parallel than kAbout says
//     static constexpr OwnTable kTables[]              instead of Implements: tables made by hand (manifest.h)
//     void client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object)   [loop] pv.client/1
// Constructor and make(): [load], the host's loops run already. The destructor: [init].

#include <algorithm>
#include <memory>
#include <string>

#include <polyvirt/abi/client.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/manifest.h>

namespace polyvirt::plugin {

// The answer to probe(): how well a URI fits. A default one says "not mine".
struct Claim {
    std::int32_t score = 0; // 100: exactly mine
    std::string canonical;  // what clients are told; with hosts of ABI 0.1 at most 255 bytes
    std::string instance;   // URIs with one key share one instance; likewise 63
    std::uint32_t lifetime = PV_LIFETIME_STATIC;
};

// Keeps the services where the glue looks for them.
class DriverBase {
  public:
    explicit DriverBase(const Services& services) : s_(services) {}
    DriverBase(const DriverBase&) = delete;
    DriverBase& operator=(const DriverBase&) = delete;
    [[nodiscard]] const Services& services() const { return s_; }

  protected:
    ~DriverBase() = default;
    const Services s_;
};

template <typename D> class PluginEntry {
    static D& of(pv_inst* inst) { return *reinterpret_cast<D*>(inst); }

    static pv_status probe(const char* uri, std::int32_t privileged, pv_probe* out) noexcept {
        try {
            const Claim claim = D::probe(uri, privileged != 0);
            if (claim.score <= 0) return PV_OK;
            if (claim.canonical.size() >= sizeof out->canonical || claim.instance.size() >= sizeof out->instance) {
                // Cut short they would name something else.
                if (!PV_HAS(out, pv_probe, answer)) return PV_ABI;
                if (const pv_status told = out->answer(out, claim.canonical.c_str(), claim.instance.c_str()); told != PV_OK) return told;
                out->score = claim.score;
                out->lifetime = claim.lifetime;
                return PV_OK;
            }
            out->score = claim.score;
            out->lifetime = claim.lifetime;
            std::copy(claim.canonical.begin(), claim.canonical.end(), out->canonical);
            std::copy(claim.instance.begin(), claim.instance.end(), out->instance);
            return PV_OK;
        } catch (...) {
            return PV_FAIL;
        }
    }

    static Result<std::unique_ptr<D>> make(const Services& s, std::string_view instance) {
        if constexpr (requires { D::make(s, instance); })
            return D::make(s, instance);
        else if constexpr (std::is_constructible_v<D, const Services&, std::string_view>)
            return std::make_unique<D>(s, instance);
        else
            return std::make_unique<D>(s);
    }

    // There is no call yet that could carry an error, so the log has it.
    static pv_status refuse(pv_host* host, const pv_host_root* root, pv_status status, const char* why) {
        const auto* log = static_cast<const pv_svc_log*>(root->get_service(host, PV_SVC_LOG, sizeof(pv_svc_log)));
        if (log != nullptr) log->write(host, PV_LOG_ERROR, D::kAbout.id, why);
        return status;
    }

    static pv_status create(pv_host* host, const pv_host_root* root, const char* instance, pv_inst** out) noexcept {
        try {
            const auto services = Services::fetch(host, root);
            if (!services) return refuse(host, root, PV_UNSUPPORTED, services.error().message.c_str());
            services->adopt_module();
            auto driver = make(*services, instance);
            if (!driver) return refuse(host, root, PV_FAIL, driver.error().message.c_str());
            *out = reinterpret_cast<pv_inst*>(driver->release());
            return PV_OK;
        } catch (const std::exception& e) {
            return refuse(host, root, PV_FAIL, e.what());
        } catch (...) {
            return PV_FAIL;
        }
    }

    static void client_closed(pv_inst* inst, std::uint64_t client, std::uint32_t kind, std::uint64_t object) noexcept {
        guarded("client", [&] { of(inst).client_closed(client, kind, object); });
    }

    static const void* get_interface(pv_inst*, const char* id) noexcept {
        if constexpr (requires(D& d) { d.client_closed(std::uint64_t{}, std::uint32_t{}, std::uint64_t{}); }) {
            static constexpr pv_client kClient{sizeof(pv_client), 0, &client_closed};
            if (std::string_view(id) == PV_IFACE_CLIENT) return &kClient;
        }
        if constexpr (detail::HasOwnTables<D>)
            return detail::own_table<D>(id);
        else
            return find_table<D>(id);
    }

    // start() and reconfigure(): a Status or a pv_status.
    template <typename F> static pv_status answered(pv_inst* inst, pv_call* call, F&& f) noexcept {
        const Services& s = of(inst).services();
        try {
            if constexpr (std::is_same_v<decltype(f()), Status>)
                return answer(s, call, f());
            else
                return f();
        } catch (...) {
            return fail(s, call, detail::caught());
        }
    }
    static pv_status start(pv_inst* inst, pv_call* call, std::uint32_t how) noexcept {
        if constexpr (requires(D& d) { d.start(call, how); })
            return answered(inst, call, [&] { return of(inst).start(call, how); });
        else
            return PV_OK;
    }
    static pv_status reconfigure(pv_inst* inst, pv_call* call) noexcept {
        if constexpr (requires(D& d) { d.reconfigure(call); })
            return answered(inst, call, [&] { return of(inst).reconfigure(call); });
        else
            return PV_OK;
    }
    static void stop(pv_inst* inst, std::uint32_t why) noexcept {
        if constexpr (requires(D& d) { d.stop(why); }) guarded("driver", [&] { of(inst).stop(why); });
    }
    static std::uint32_t concurrency(pv_inst* inst) noexcept {
        if constexpr (requires(const D& d) { { d.concurrency() } -> std::same_as<Concurrency>; }) {
            auto model = D::kAbout.concurrency;
            guarded("driver", [&] { model = of(inst).concurrency(); });
            return static_cast<std::uint32_t>(model);
        } else {
            return static_cast<std::uint32_t>(D::kAbout.concurrency);
        }
    }
    static void destroy(pv_inst* inst) noexcept {
        guarded("driver", [&] { delete &of(inst); });
    }

  public:
    static constexpr pv_plugin kPlugin{
        .size = sizeof(pv_plugin),
        .abi_minor = PV_ABI_MINOR,
        .flags = 0,
        .concurrency = static_cast<std::uint32_t>(D::kAbout.concurrency),
        .id = D::kAbout.id,
        .version = D::kAbout.version,
        .build_id = D::kAbout.build_id,
        .probe = probe,
        .create = create,
        .get_interface = get_interface,
        .start = start,
        .reconfigure = reconfigure,
        .stop = stop,
        .destroy = destroy,
        .instance_concurrency = concurrency,
    };
};

} // namespace polyvirt::plugin

// At namespace scope, in one source of the plugin: its manifest and its one exported symbol.
#define PV_PLUGIN(Driver)                                                                                              \
    __attribute__((section(PV_NOTE_SECTION), used, aligned(4))) static const auto pv_manifest_note =                   \
        ::polyvirt::plugin::detail::manifest_note<Driver>();                                                           \
    PV_EXPORT const pv_plugin* pv_plugin_entry_v1(const pv_host_root*, char*, std::uint32_t) noexcept {                \
        return &::polyvirt::plugin::PluginEntry<Driver>::kPlugin;                                                      \
    }                                                                                                                  \
    static_assert(true)
