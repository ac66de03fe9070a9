// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/sasl.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include <fnmatch.h>
#include <netdb.h>
#include <unistd.h>

#include <sasl/sasl.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/rpc/sasl_layer.h"

namespace polyvirt::rpc {
namespace {

constexpr const char* kService = "libvirt"; // part of the wire: clients ask for it by this name
constexpr unsigned kMaxSsf = 100'000;       // any
constexpr unsigned kBuffer = 65'536;        // largest encoded block that we take
constexpr unsigned kMaxSteps = 32;          // of one exchange; mechanisms need up to five

std::atomic<bool> g_in_use{false};

// As the library asks for it: "ADDRESS;PORT".
std::string address_for_sasl(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos)
        return {};
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[')
        host = host.substr(1, host.size() - 2);
    return host + ";" + address.substr(colon + 1);
}

// The library's one type for all kinds of call-backs; by way of the type that compilers let pass.
template <typename F> auto as_callback(F* function) {
    return reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function));
}

// With its domain, as that is how services are named. May ask a name server.
std::string name_of_this_host() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0)
        return "localhost";
    if (std::strchr(name.data(), '.') != nullptr)
        return name.data();
    addrinfo wanted{};
    wanted.ai_flags = AI_CANONNAME;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::string full = name.data();
    if (::getaddrinfo(name.data(), nullptr, &wanted, &found) != 0)
        return full;
    if (found != nullptr && found->ai_canonname != nullptr)
        full = found->ai_canonname;
    ::freeaddrinfo(found);
    return full;
}

} // namespace

struct SaslService::State {
    explicit State(SaslOptions o) : options(std::move(o)), allowed(options.allowed_users) {
        for (const std::string& mechanism : options.mechanisms)
            mechanisms += (mechanisms.empty() ? "" : " ") + mechanism;
        if (options.hostname.empty())
            options.hostname = name_of_this_host();
    }
    ~State() {
        if (started)
            sasl_server_done();
        g_in_use.store(false);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // The library's call-backs: what is set here goes before its own files.
    static int get_option(void* context, const char*, const char* option, const char** result,
                          unsigned* size);
    static int get_folder(void* context, char** path);
    static int write_log(void* context, int level, const char* message);
    bool allows(const std::string& user) PV_EXCLUDES(level_leaf) {
        LeafLock lock(mu);
        return allowed.empty() ||
               std::any_of(allowed.begin(), allowed.end(), [&](const std::string& pattern) {
                   return ::fnmatch(pattern.c_str(), user.c_str(), FNM_NOESCAPE) == 0;
               });
    }

    SaslOptions options;
    std::string mechanisms; // with blanks between
    std::array<sasl_callback_t, 4> callbacks{};
    bool started = false;
    Mutex mu{Rank::leaf};
    std::vector<std::string> allowed PV_GUARDED_BY(mu);
};

int SaslService::State::get_option(void* context, const char*, const char* option,
                                   const char** result, unsigned* size) {
    const State& self = *static_cast<const State*>(context);
    const std::string_view name = option;
    const std::string* value = name == "mech_list"     ? &self.mechanisms
                               : name == "sasldb_path" ? &self.options.sasldb
                               : name == "keytab"      ? &self.options.keytab
                                                       : nullptr;
    if (value == nullptr || value->empty())
        return SASL_FAIL; // the library looks into its file then
    *result = value->c_str();
    if (size != nullptr)
        *size = static_cast<unsigned>(value->size());
    return SASL_OK;
}

// The library (2.1.28) copies the text and frees nothing, whatever its type suggests.
int SaslService::State::get_folder(void* context, char** path) {
    *path = static_cast<State*>(context)->options.config_dir.data();
    return SASL_OK;
}

int SaslService::State::write_log(void*, int level, const char* message) {
    if (message == nullptr || level == SASL_LOG_NONE || level >= SASL_LOG_TRACE) // secrets
        return SASL_OK;
    log::line(level <= SASL_LOG_WARN ? log::Level::warning : log::Level::debug, "rpc", "SASL: {}",
              message);
    return SASL_OK;
}

Result<std::shared_ptr<SaslService>> SaslService::create(SaslOptions options) {
    if (g_in_use.exchange(true))
        return make_error(ErrorCode::internal_error, ErrorDomain::rpc,
                          "SASL is set up already in this process");
    auto state = std::make_shared<State>(std::move(options));
    auto& list = state->callbacks;
    list[0] = {SASL_CB_GETOPT, as_callback(&State::get_option), state.get()};
    list[1] = {SASL_CB_LOG, as_callback(&State::write_log), state.get()};
    list[2] = {SASL_CB_LIST_END, nullptr, nullptr};
    if (!state->options.config_dir.empty()) {
        list[2] = {SASL_CB_GETCONFPATH, as_callback(&State::get_folder), state.get()};
        list[3] = {SASL_CB_LIST_END, nullptr, nullptr};
    }
    const int code = sasl_server_init(list.data(), kService);
    if (code != SASL_OK)
        return make_error(ErrorCode::operation_failed, ErrorDomain::rpc, "cannot set up SASL: {}",
                          sasl_errstring(code, nullptr, nullptr));
    state->started = true;
    return std::shared_ptr<SaslService>(new SaslService(std::move(state)));
}

void SaslService::keep_until_exit(std::shared_ptr<SaslService> service) {
    // Never destroyed, and reached from here, so that it is no leak. (A plain pointer that nobody reads is no
    // store to gcc.)
    static std::atomic<std::shared_ptr<SaslService>*> kept{nullptr};
    kept.store(new std::shared_ptr<SaslService>(std::move(service)));
}

SaslService::~SaslService() = default;

void SaslService::set_allowed_users(std::vector<std::string> patterns) {
    LeafLock lock(state_->mu);
    state_->allowed.swap(patterns);
}

Result<std::unique_ptr<SaslSession>> SaslService::begin(const Identity& identity) {
    std::unique_ptr<SaslSession> session(new SaslSession(state_, identity.is_secure()));
    const std::string local = address_for_sasl(identity.local_address);
    const std::string remote = address_for_sasl(identity.address);
    sasl_conn_t* conn = nullptr;
    const int code =
        sasl_server_new(kService, state_->options.hostname.c_str(), nullptr, local.c_str(),
                        remote.c_str(), nullptr, SASL_SUCCESS_DATA, &conn);
    if (code != SASL_OK)
        return session->failed("cannot begin", code);
    session->conn_.reset(conn, [state = state_](sasl_conn_t* c) { sasl_dispose(&c); });
    PV_TRY(session->set_security(identity));
    return session;
}

SaslSession::SaslSession(std::shared_ptr<SaslService::State> state, bool secure)
    : state_(std::move(state)), secure_(secure) {}
SaslSession::~SaslSession() = default;

Error SaslSession::failed(std::string_view what, int code) const {
    const char* detail = conn_ ? sasl_errdetail(conn_.get()) : nullptr;
    return make_error(ErrorCode::auth_failed, ErrorDomain::rpc, "SASL: {}: {}", what,
                      detail != nullptr ? detail : sasl_errstring(code, nullptr, nullptr));
}

// Over TLS or a unix socket any mechanism will do that asks who it is, and none adds a layer; in clear
// text it must encrypt, and give nothing away to somebody who listens.
Status SaslSession::set_security(const Identity& identity) {
    sasl_security_properties_t wanted{};
    wanted.min_ssf = secure_ ? 0 : state_->options.min_ssf;
    wanted.max_ssf = secure_ ? 0 : kMaxSsf;
    wanted.maxbufsize = secure_ ? 0 : kBuffer;
    wanted.security_flags =
        SASL_SEC_NOANONYMOUS | (secure_ ? 0U : static_cast<unsigned>(SASL_SEC_NOPLAINTEXT));
    int code = sasl_setprop(conn_.get(), SASL_SEC_PROPS, &wanted);
    const sasl_ssf_t outside = identity.secret_bits;
    if (code == SASL_OK && outside != 0)
        code = sasl_setprop(conn_.get(), SASL_SSF_EXTERNAL, &outside);
    return code == SASL_OK ? Status() : failed("cannot set what is required", code);
}

Result<std::string> SaslSession::mechanisms() {
    const char* list = nullptr;
    unsigned size = 0;
    int number = 0;
    const int code =
        sasl_listmech(conn_.get(), nullptr, "", ",", "", &list, &size, &number);
    if (code != SASL_OK || number == 0 || list == nullptr)
        return make_error(
            ErrorCode::auth_failed, ErrorDomain::rpc,
            "SASL: no mechanism can be offered: of those installed and allowed (sasl.mechanisms, "
            "mech_list in libvirt.conf) {}",
            secure_ ? "none works here"
                    : "none encrypts, as clear text over TCP demands; use GSSAPI, or TLS");
    offered_.assign(list, size);
    return offered_;
}

Result<SaslSession::Step> SaslSession::start(const std::string& mechanism, const Data& data) {
    if (offered_.empty())
        PV_TRY(mechanisms());
    if (("," + offered_ + ",").find("," + mechanism + ",") == std::string::npos ||
        mechanism.find(',') != std::string::npos || mechanism.empty())
        return make_error(ErrorCode::auth_failed, ErrorDomain::rpc,
                          "SASL: the client chose mechanism '{}'; offered were {}", mechanism,
                          offered_);
    mechanism_ = mechanism;
    const char* out = nullptr;
    unsigned size = 0;
    const int code = sasl_server_start(conn_.get(), mechanism.c_str(), data ? data->data() : nullptr,
                                       data ? static_cast<unsigned>(data->size()) : 0, &out, &size);
    return take_result(code, out, size);
}

Result<SaslSession::Step> SaslSession::step(const Data& data) {
    if (mechanism_.empty() || !user_.empty())
        return make_error(ErrorCode::auth_failed, ErrorDomain::rpc,
                          "SASL: a step of an exchange that {}",
                          user_.empty() ? "has not begun" : "is complete");
    if (++steps_ > kMaxSteps)
        return make_error(ErrorCode::auth_failed, ErrorDomain::rpc,
                          "SASL: an exchange of more than {} steps", kMaxSteps);
    const char* out = nullptr;
    unsigned size = 0;
    const int code = sasl_server_step(conn_.get(), data ? data->data() : nullptr,
                                      data ? static_cast<unsigned>(data->size()) : 0, &out, &size);
    return take_result(code, out, size);
}

Result<SaslSession::Step> SaslSession::take_result(int code, const char* out, unsigned size) {
    if (code != SASL_OK && code != SASL_CONTINUE)
        return failed("the client was refused by " + mechanism_, code);
    Step step;
    step.complete = code == SASL_OK;
    if (out != nullptr)
        step.data.emplace(out, size);
    if (step.complete)
        PV_TRY(finish());
    return step;
}

Status SaslSession::finish() {
    const void* value = nullptr;
    int code = sasl_getprop(conn_.get(), SASL_USERNAME, &value);
    if (code != SASL_OK || value == nullptr || *static_cast<const char*>(value) == '\0')
        return failed("the mechanism gave no user name", code);
    std::string user = static_cast<const char*>(value);
    code = sasl_getprop(conn_.get(), SASL_SSF, &value);
    if (code != SASL_OK || value == nullptr)
        return failed("the mechanism tells no strength", code);
    secret_bits_ = *static_cast<const sasl_ssf_t*>(value);
    if (!secure_ && secret_bits_ < state_->options.min_ssf)
        return make_error(ErrorCode::auth_failed, ErrorDomain::rpc,
                          "SASL: user '{}': encryption of {} bits; expected at least {}", user,
                          secret_bits_, state_->options.min_ssf);
    if (!state_->allows(user))
        return make_error(ErrorCode::auth_failed, ErrorDomain::rpc,
                          "SASL: user '{}' is not among the allowed ones", user);
    user_ = std::move(user);
    return {};
}

std::unique_ptr<Layer> SaslSession::take_layer() {
    if (secure_ || secret_bits_ == 0)
        return nullptr;
    const void* value = nullptr;
    unsigned most = 0;
    if (sasl_getprop(conn_.get(), SASL_MAXOUTBUF, &value) == SASL_OK && value != nullptr)
        most = *static_cast<const unsigned*>(value);
    return std::make_unique<SaslLayer>(std::move(conn_), most);
}

} // namespace polyvirt::rpc
