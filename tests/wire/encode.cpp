// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Our encoder for the script tests: makes one payload and prints it in hex.
//
//     wire_encode error CODE DOMAIN MESSAGE LEVEL STR1 STR2 STR3 INT1 INT2     ("-": absent)
//     wire_encode NAME                                                        (one of kReplies)

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "host/protocol/gen/remote.h"

namespace {

using namespace polyvirt::protocol;

Str optional(const char* word) { return std::string_view(word) == "-" ? Str{} : to_str(word); }
std::int32_t number(const char* word) {
    return static_cast<std::int32_t>(std::strtol(word, nullptr, 10));
}

void put_error(Encoder& e, char** words) {
    error v;
    v.code = number(words[0]);
    v.domain = number(words[1]);
    v.message = optional(words[2]);
    v.level = number(words[3]);
    v.str1 = optional(words[4]);
    v.str2 = optional(words[5]);
    v.str3 = optional(words[6]);
    v.int1 = number(words[7]);
    v.int2 = number(words[8]);
    encode(e, v);
}

constexpr std::array<std::uint8_t, 16> kUuid = {0xc0, 0xff, 0xee, 0,    0x11, 0x22, 0x33, 0x44,
                                                0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc};

domain guest(std::string_view name, std::int32_t id) {
    domain v;
    v.name = to_str(name);
    v.uuid = kUuid;
    v.id = id;
    return v;
}

typed_param param(const char* field, std::int32_t tag) {
    typed_param v;
    v.field = to_str(field);
    v.value.tag = tag;
    return v;
}

void put_capabilities(Encoder& e) {
    remote::connect_get_capabilities_ret v;
    v.capabilities = to_str("<capabilities>\xc3\xa9</capabilities>");
    encode(e, v);
}

void put_node_info(Encoder& e) {
    remote::node_get_info_ret v;
    const std::string_view model = "x86_64";
    for (std::size_t i = 0; i < model.size(); ++i) v.model[i] = model[i];
    v.memory = 16777216;
    v.cpus = 8;
    v.mhz = 2400;
    v.nodes = 1;
    v.sockets = 1;
    v.cores = 4;
    v.threads = 2;
    encode(e, v);
}

void put_domain_info(Encoder& e) {
    remote::domain_get_info_ret v;
    v.state = 1;
    v.maxMem = 1ull << 40;
    v.memory = 524288;
    v.nrVirtCpu = 65535;
    v.cpuTime = 12345678901234567;
    encode(e, v);
}

void put_domains(Encoder& e) {
    const domain all[] = {guest("one", 1), guest("two\xc3\xa9", -1)};
    remote::connect_list_all_domains_ret v;
    v.domains = all;
    v.ret = 2;
    encode(e, v);
}

void put_stats(Encoder& e) {
    typed_param params[] = {param("i", 1), param("ui", 2), param("l", 3), param("ul", 4),
                            param("d", 5), param("b", 6),  param("s", 7)};
    params[0].value.i = -5;
    params[1].value.ui = 4000000000;
    params[2].value.l = -(1ll << 50);
    params[3].value.ul = ~0ull;
    params[4].value.d = 0.1;
    params[5].value.b = 1;
    params[6].value.s = to_str("text");
    domain_stats_record record;
    record.dom = guest("one", 1);
    record.params = params;
    remote::connect_get_all_domain_stats_ret v;
    v.retStats = {&record, 1};
    encode(e, v);
}

void put_security_label(Encoder& e) {
    const char label[] = "system_u:r:svirt_t";
    remote::domain_get_security_label_ret v;
    v.label = {label, sizeof label}; // with its NUL
    v.enforcing = 1;
    encode(e, v);
}

void put_vcpus(Encoder& e) {
    const vcpu_info info[] = {{0, 1, 99, 3}, {1, 2, 100, -1}};
    const std::uint8_t maps[] = {0x08, 0xff};
    remote::domain_get_vcpus_ret v;
    v.info = info;
    v.cpumaps = {maps, sizeof maps};
    encode(e, v);
}

void put_leases(Encoder& e) {
    network_dhcp_lease lease;
    lease.iface = to_str("virbr0");
    lease.expirytime = 1700000000;
    lease.mac = to_str("52:54:00:00:00:01");
    lease.ipaddr = to_str("192.168.122.2");
    lease.prefix = 24;
    remote::network_get_dhcp_leases_ret v;
    v.leases = {&lease, 1};
    v.ret = 1;
    encode(e, v);
}

void put_interfaces(Encoder& e) {
    domain_ip_addr address;
    address.addr = to_str("10.0.0.2");
    address.prefix = 8;
    domain_interface faces[2];
    faces[0].name = to_str("lo");
    faces[1].name = to_str("eth0");
    faces[1].hwaddr = to_str("52:54:00:00:00:01");
    faces[1].addrs = {&address, 1};
    remote::domain_interface_addresses_ret v;
    v.ifaces = faces;
    encode(e, v);
}

void put_secret(Encoder& e) {
    const std::uint8_t value[] = {0, 0xff, 'k'};
    remote::secret_get_value_ret v;
    v.value = {value, sizeof value};
    encode(e, v);
}

void put_names(Encoder& e) {
    const Str names[] = {to_str("a"), to_str(""), to_str("abcd")};
    remote::connect_list_defined_domains_ret v;
    v.names = names;
    encode(e, v);
}

void put_lifecycle(Encoder& e) {
    remote::domain_event_callback_lifecycle_event v;
    v.callbackID = 11;
    v.msg.dom = guest("one", 1);
    v.msg.event = 2;
    v.msg.detail = 1;
    encode(e, v);
}

void put_disk_change(Encoder& e) {
    remote::domain_event_callback_disk_change_event v;
    v.callbackID = 12;
    v.msg.dom = guest("one", 1);
    v.msg.oldSrcPath = to_str("/old");
    v.msg.devAlias = to_str("cd0");
    v.msg.reason = 0;
    encode(e, v);
}

const std::map<std::string, void (*)(Encoder&)> kReplies = {{"capabilities", put_capabilities},
                                                            {"node_info", put_node_info},
                                                            {"domain_info", put_domain_info},
                                                            {"domains", put_domains},
                                                            {"stats", put_stats},
                                                            {"security_label", put_security_label},
                                                            {"vcpus", put_vcpus},
                                                            {"leases", put_leases},
                                                            {"interfaces", put_interfaces},
                                                            {"secret", put_secret},
                                                            {"names", put_names},
                                                            {"lifecycle", put_lifecycle},
                                                            {"disk_change", put_disk_change}};

} // namespace

int main(int count, char** words) {
    Encoder encoder;
    const std::string name = count > 1 ? words[1] : "";
    if (name == "error" && count == 11)
        put_error(encoder, words + 2);
    else if (const auto found = kReplies.find(name); found != kReplies.end() && count == 2)
        found->second(encoder);
    else
        return std::fprintf(stderr, "wire_encode: '%s' is none of its payloads\n", name.c_str()), 2;
    if (encoder.failed())
        return std::fprintf(stderr, "wire_encode: %s\n", encoder.failure().c_str()), 1;
    for (const std::uint8_t byte : encoder.take()) std::printf("%02x", byte);
    std::puts("");
    return 0;
}
