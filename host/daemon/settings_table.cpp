// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The rows. `admin_too` gives a row a twin for the admin server, its path prefixed with "admin_".
#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "host/daemon/logging.h"
#include "host/daemon/setting_checks.h"
#include "host/daemon/settings.h"

namespace polyvirt::daemon {
namespace {

constexpr std::int64_t kMs = 1, kSecond = 1000 * kMs, kHour = 3600 * kSecond, kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;
constexpr auto live = Effect::live;
constexpr auto start = Effect::start;

void sockets(std::vector<Setting>& t) {
    t.push_back({"listen.unix.folder",
                 Kind::text,
                 start,
                 "",
                 "Folder of the unix sockets, absolute; empty: the daemon's run folder",
                 0,
                 0,
                 {},
                 check_absolute});
    t.push_back({"listen.unix.group",
                 Kind::text,
                 start,
                 "",
                 "Group of the read-write and the read-only socket, name or number; empty: the daemon's",
                 0,
                 0,
                 {},
                 check_group});
    t.push_back({"listen.unix.mode", Kind::mode, start, "0700", "Permissions of the read-write socket"});
    t.push_back(
        {"listen.unix.readonly", Kind::boolean, start, "true", "Whether there is a read-only socket"});
    t.push_back(
        {"listen.unix.readonly_mode", Kind::mode, start, "0777", "Permissions of the read-only socket"});
    t.push_back({"listen.unix.admin_group",
                 Kind::text,
                 start,
                 "",
                 "Group of the admin socket, which nevertheless answers the daemon's own user alone",
                 0,
                 0,
                 {},
                 check_group});
    t.push_back({"listen.unix.admin_mode", Kind::mode, start, "0700", "Permissions of the admin socket"});
    t.push_back({"listen.unix.backlog", Kind::integer, start, "4096",
                 "Connections that may wait to be accepted, of each socket", 1, 65535});
    t.push_back({"listen.drop_in.enabled", Kind::boolean, start, "false",
                 "Listen at the paths of libvirt's daemons as well, so that clients find this one unasked"});
    t.push_back({"listen.drop_in.names", Kind::list, start,
                 "libvirt,virtqemud,virtlxcd,virtnetworkd,virtstoraged,virtnodedevd,virtsecretd,virtinterfaced,"
                 "virtnwfilterd,virtproxyd",
                 "Daemons whose paths are taken: NAME-sock, NAME-sock-ro and NAME-admin-sock of each", 0, 0, {},
                 check_socket_name});
}

// A section of TCP sockets: of those with TLS, and of those without.
void tcp_sockets(std::vector<Setting>& t, const std::string& section, const char* port, const char* what) {
    t.push_back({section + ".enabled", Kind::boolean, start, "false",
                 fmt::format("Whether there are TCP sockets for clients {}", what)});
    t.push_back({section + ".addresses", Kind::list, start, "",
                 "Addresses or names of this host on which they listen; empty: all, IPv4 and IPv6"});
    t.push_back({section + ".port", Kind::integer, start, port, "Their port; 0: one that is free", 0, 65535});
}

void remote_access(std::vector<Setting>& t) {
    tcp_sockets(t, "listen.tcp", "16509", "without TLS");
    t.push_back({"listen.tcp.idle", Kind::duration, start, "1min",
                 "Silence of a TCP connection, TLS or not, before the system probes it, three times this far apart; 0: never",
                 0, kHour});
    tcp_sockets(t, "listen.tls", "16514", "with TLS");
    t.push_back({"tls.ca", Kind::text, live, "",
                 "Certificates of the authorities that sign clients' and this host's; empty: /etc/pki/CA/cacert.pem", 0, 0,
                 {}, check_absolute});
    t.push_back({"tls.certificate", Kind::text, live, "",
                 "This host's certificate, and intermediate ones after it; empty: /etc/pki/libvirt/servercert.pem", 0, 0,
                 {}, check_absolute});
    t.push_back({"tls.key", Kind::text, live, "",
                 "Its private key; empty: /etc/pki/libvirt/private/serverkey.pem", 0, 0, {}, check_absolute});
    t.push_back({"tls.crl", Kind::text, live, "",
                 "Revoked certificates; empty: /etc/pki/CA/cacrl.pem if it is there", 0, 0, {}, check_absolute});
    t.push_back({"tls.verify_client", Kind::boolean, live, "true",
                 "Whether clients must have a certificate of such an authority"});
    t.push_back({"tls.allowed_names", Kind::list, live, "",
                 "Patterns of the certificates' distinguished names, of which a client's must fit one; empty: all"});
    t.push_back({"tls.ciphers", Kind::text, live, "", "OpenSSL's list of ciphers for TLS 1.2; empty: the system's"});
    t.push_back({"tls.ciphersuites", Kind::text, live, "", "The same for TLS 1.3"});
    t.push_back({"tls.min_version", Kind::choice, live, "1.2", "Oldest version of TLS that is spoken", 0, 0, {"1.2", "1.3"}});
    const std::vector<std::string_view> methods = {"none", "sasl"}, local = {"none", "sasl", "polkit"};
    t.push_back({"auth.unix", Kind::choice, start, "none", "How clients of the read-write socket authenticate", 0, 0, local});
    t.push_back({"auth.unix_readonly", Kind::choice, start, "none", "How those of the read-only socket do", 0, 0, local});
    t.push_back({"auth.tcp", Kind::choice, start, "sasl", "How clients of TCP without TLS do", 0, 0, methods});
    t.push_back({"auth.tls", Kind::choice, start, "none", "How clients of TLS do, beyond their certificate", 0, 0, methods});
    t.push_back({"sasl.config_dir", Kind::text, start, "",
                 "Folder of libvirt.conf, SASL's own configuration; empty: /etc/sasl2", 0, 0, {}, check_absolute});
    t.push_back({"sasl.mechanisms", Kind::list, start, "",
                 "Mechanisms that are offered, SCRAM-SHA-256 or GSSAPI for example; empty: mech_list of libvirt.conf"});
    t.push_back({"sasl.sasldb", Kind::text, start, "",
                 "File of users and passwords, made with saslpasswd2; empty: sasldb_path of libvirt.conf", 0, 0, {},
                 check_absolute});
    t.push_back({"sasl.keytab", Kind::text, start, "", "Kerberos key of this host; empty: keytab of libvirt.conf", 0, 0,
                 {}, check_absolute});
    t.push_back({"sasl.hostname", Kind::text, start, "",
                 "This host's name in those of Kerberos services and of realms; empty: the system's"});
    t.push_back({"sasl.allowed_users", Kind::list, live, "",
                 "Patterns of user names, of which a client's must fit one; empty: all"});
    t.push_back({"sasl.min_ssf", Kind::integer, start, "56",
                 "Bits of encryption that SASL must bring on TCP without TLS; clients insist on 56", 0, 100'000});
}

struct Row {
    Setting setting;
    std::optional<std::string> admin = {}; // the twin's default, if another
};

void per_server(std::vector<Setting>& t, const std::vector<Row>& rows) {
    for (const Row& row : rows) t.push_back(row.setting);
    for (const Row& row : rows) {
        Setting twin = row.setting;
        twin.path = "admin_" + twin.path;
        twin.doc += " (admin server)";
        if (row.admin) twin.fallback = *row.admin;
        t.push_back(std::move(twin));
    }
}

void limits(std::vector<Setting>& t) {
    per_server(
        t,
        {{{"limits.max_clients", Kind::integer, live, "5000", "Connections at a time", 1, 1'000'000}, "100"},
         {{"limits.max_anonymous", Kind::integer, live, "100", "Connections that have not authenticated yet",
           1, 1'000'000},
          "20"},
         {{"limits.reserved_clients", Kind::integer, live, "16",
           "Connections on top of max_clients, for root and the daemon's own user", 0, 10'000}},
         {{"limits.max_clients_per_listener", Kind::integer, live, "4000",
           "Connections of one listening socket, root and the daemon's own user excepted; 0: no such limit", 0,
           1'000'000},
          "0"},
         {{"limits.max_clients_per_peer", Kind::integer, live, "1000",
           "Connections of one user (unix sockets) or one address, likewise excepted; 0: no such limit", 0, 1'000'000},
          "0"},
         {{"limits.auth_deadline", Kind::duration, live, "10s", "Time to authenticate, from accept",
           100 * kMs, kHour}},
         {{"limits.max_handshakes", Kind::integer, live, "2",
           "TLS handshakes that compute at a time; others wait their turn", 1, 1000}},
         {{"limits.max_in_flight", Kind::integer, live, "16", "Calls of one client that run at a time", 1,
           10'000}},
         {{"limits.max_parked", Kind::integer, live, "256",
           "Calls of one client that wait in a driver without a thread and do not count there", 0, 100'000}},
         {{"limits.max_queued", Kind::integer, live, "1024",
           "Calls of one client that wait beyond those; further ones are answered \"busy\"", 0, 1'000'000}},
         {{"limits.max_queued_bytes", Kind::size, live, "64MiB", "What these may hold", kKiB, kTiB}},
         {{"limits.max_anonymous_packet", Kind::size, live, "320KiB",
           "Longest packet of a client that has not authenticated", kKiB, 32 * kMiB}},
         {{"limits.max_input_bytes", Kind::size, live, "512MiB",
           "All packets held for all clients; beyond it calls are answered \"busy\"", kMiB, kTiB}},
         {{"limits.reply_bytes_pause", Kind::size, live, "4MiB",
           "Memory of the replies that a client leaves unread before no further call of it starts", kKiB, kTiB}},
         {{"limits.max_event_bytes", Kind::size, live, "8MiB",
           "Memory of the events that a client leaves unread before it is cut off", kKiB, kTiB}},
         {{"limits.max_streams", Kind::integer, live, "256", "Open streams of one client", 1, 65535}},
         {{"limits.stream_upload_bytes", Kind::size, live, "1MiB",
           "Upload of one stream that the driver has not taken, before the client is held up", 64 * kKiB,
           kGiB}},
         {{"limits.stream_send_bytes", Kind::size, live, "256KiB",
           "Download of one stream that the client has not taken, before the driver is held up", 64 * kKiB,
           kGiB}},
         {{"limits.stream_stall", Kind::duration, live, "5min", "Time without progress that breaks an upload",
           kSecond, kDay}}});
    per_server(t, {{{"keepalive.interval", Kind::duration, live, "5s",
                     "Silence of a client before it is pinged; 0: never ping", 0, kDay}},
                   {{"keepalive.count", Kind::integer, live, "5",
                     "Pings without an answer before the connection is closed", 0, 1000}}});
}

void workers(std::vector<Setting>& t) {
    t.push_back(
        {"workers.min", Kind::integer, live, "2", "Threads for calls that are kept when idle", 1, 10'000});
    t.push_back(
        {"workers.max", Kind::integer, live, "20", "Threads for calls, not counting parked ones", 1, 10'000});
    t.push_back({"workers.priority", Kind::integer, live, "5", "Further threads, for calls that never wait",
                 1, 1000});
    t.push_back({"workers.hard_cap", Kind::integer, live, "48", "Threads for calls, parked ones included", 1,
                 20'000});
    t.push_back({"workers.max_queued", Kind::integer, live, "10000",
                 "Calls of all clients that wait for a thread", 1, 10'000'000});
    t.push_back({"workers.idle_time", Kind::duration, live, "1min",
                 "Rest after which a thread beyond min ends", 100 * kMs, kDay});
    t.push_back({"calls.query_deadline", Kind::duration, live, "1min",
                 "Time in which a driver must answer what only asks; 0: any", 0, kDay});
    t.push_back({"calls.modify_deadline", Kind::duration, live, "5min",
                 "The same for what reads while it changes something in passing; what changes has no limit", 0,
                 kDay});
    t.push_back({"events.max_queued_bytes", Kind::size, live, "64MiB",
                 "Events of one driver that wait for the events thread; further ones are dropped", kKiB, kTiB});
}

void policy(std::vector<Setting>& t) {
    t.push_back({"policy.backend",
                 Kind::choice,
                 live,
                 "rules",
                 "Who decides about permissions: the rules of a file (without one, everything is allowed), polkit, nobody",
                 0,
                 0,
                 {"rules", "polkit", "none"}});
    t.push_back({"policy.file",
                 Kind::text,
                 live,
                 "",
                 "Rules of who may do what (docs/access-control.md), absolute; empty: policy.yaml in the "
                 "configuration folder, if it is there",
                 0,
                 0,
                 {},
                 check_absolute});
}

void polkit(std::vector<Setting>& t) {
    t.push_back({"polkit.bus", Kind::text, start, "", "Address of polkit's message bus; empty: the system's"});
    t.push_back({"polkit.keep", Kind::duration, start, "5s", "How long an answer of polkit's holds; 0: not at all", 0, kHour});
    t.push_back({"polkit.deadline", Kind::duration, live, "5s",
                 "Time that polkit has to decide about a permission; later is denied", 10 * kMs, kHour});
    t.push_back({"polkit.login_deadline", Kind::duration, start, "1min",
                 "Time that polkit, and the user it asks, have to decide about a connection", 10 * kMs, kHour});
    t.push_back({"polkit.interactive", Kind::boolean, start, "true",
                 "Whether polkit may ask the user to authenticate, when a client connects"});
}

void care(std::vector<Setting>& t) {
    t.push_back({"log.level",
                 Kind::choice,
                 live,
                 "info",
                 "Least level that is logged where no filter says otherwise",
                 0,
                 0,
                 {"debug", "info", "warning", "error"}});
    t.push_back({"log.filters", Kind::list, live, "",
                 "LEVEL:NAME for categories that have NAME in them, levels 1 (debug) to 4 (error): 1:qemu", 0, 0, {},
                 check_log_filter});
    t.push_back({"log.outputs", Kind::list, live, "1:stderr",
                 "LEVEL:stderr, LEVEL:file:PATH, LEVEL:journald or LEVEL:syslog:NAME, for lines of at least that level", 0, 0, {},
                 check_log_output});
    t.push_back({"reported_version",
                 Kind::text,
                 start,
                 "9.0.0",
                 "Version of libvirt that clients are told, MAJOR.MINOR.MICRO",
                 0,
                 0,
                 {},
                 check_version});
    t.push_back({"drain_time", Kind::duration, live, "10s",
                 "Time that calls in flight have to end when the daemon stops", 0, kHour});
    t.push_back({"watchdog.limit", Kind::duration, start, "1s",
                 "A callback that holds an event loop for longer is named in the log; 0: never", 0, kHour});
}

void loading(std::vector<Setting>& t) {
    const auto list = [&](const char* path, const char* doc, Check check) {
        t.push_back({path, Kind::list, start, "", doc, 0, 0, {}, check});
    };
    list("loading.folders",
         "Folders of plugins, in order; of two plugins with one name the first counts; empty: the installed one, then "
         "/usr/local/lib/polyvirt/plugins",
         check_absolute);
    list("loading.allow", "Names of the plugins that may be loaded, or patterns; empty: all", check_plugin_pattern);
    list("loading.deny", "Those that may not, whatever allow says", check_plugin_pattern);
    list("loading.required", "Plugins without which the daemon does not start", check_plugin_pattern);
    list("loading.optional", "Plugins that may be absent, refused or fail to start without that being an error",
         check_plugin_pattern);
    list("loading.providers", "Who serves a kind of objects that several plugins serve: KIND=PLUGIN", check_provider);
    list("loading.schemes", "Who serves a scheme of URIs that several plugins serve: SCHEME=PLUGIN", check_scheme);
    t.push_back({"loading.crash_limit", Kind::integer, start, "3",
                 "Crashes in a row, while a plugin is loaded or started, after which the daemon starts without it; 0: never", 0,
                 1000});
}

void metrics(std::vector<Setting>& t) {
    t.push_back({"metrics.listen",
                 Kind::text,
                 start,
                 "",
                 "Where metrics are told over HTTP: 127.0.0.1:PORT, [::1]:PORT or the path of a unix socket; empty: nowhere",
                 0,
                 0,
                 {},
                 check_metrics_address});
    t.push_back({"metrics.mode", Kind::mode, start, "0660", "Permissions of that unix socket"});
    t.push_back({"metrics.max_connections", Kind::integer, start, "16", "Scrapes at a time", 1, 1000});
    t.push_back({"metrics.deadline", Kind::duration, start, "10s", "Time that a scrape may take, its reading included",
                 100 * kMs, kHour});
    t.push_back({"metrics.max_domains", Kind::integer, start, "5000",
                 "Guests that are listed one by one; further ones are only counted", 0, 1'000'000});
    t.push_back({"metrics.figures_age", Kind::duration, start, "5s",
                 "Age at which a scrape has a driver asked anew for its guests' processors, memory and time; 0: never asked",
                 0, kHour});
}

std::vector<Setting> make_table() {
    std::vector<Setting> t;
    sockets(t);
    remote_access(t);
    limits(t);
    workers(t);
    policy(t);
    polkit(t);
    care(t);
    loading(t);
    metrics(t);
    return t;
}

} // namespace

const std::vector<Setting>& settings() {
    static const std::vector<Setting> table = make_table();
    return table;
}

const std::vector<Order>& setting_orders() {
    static const std::vector<Order> orders = {
        {"limits.max_anonymous", "limits.max_clients"},
        {"admin_limits.max_anonymous", "admin_limits.max_clients"},
        {"workers.min", "workers.max"},
        {"workers.max", "workers.hard_cap"},
    };
    return orders;
}

} // namespace polyvirt::daemon
