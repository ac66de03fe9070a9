// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/network/network.h"
#include "sdk/network/port.h"
#include "sdk/network/update.h"

namespace polyvirt::sdk::network {
namespace {

using testing::HasSubstr;

constexpr std::string_view kFull = R"(<network ipv6='yes' trustGuestRxFilters='no' xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>full</name>
  <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
  <title>a title</title>
  <description>what it is for</description>
  <metadata>
    <a:b xmlns:a="urn:a">kept  <!-- as it is --></a:b>
  </metadata>
  <forward dev='eth1' mode='nat'>
    <nat ipv6='yes'>
      <address start='1.2.3.4' end='1.2.3.10'/>
      <port start='500' end='1000'/>
    </nat>
    <interface dev='eth1'/>
  </forward>
  <bridge name='virbr3' zone='inner' stp='off' delay='5' macTableManager='libvirt'/>
  <mtu size='9000'/>
  <mac address='52:54:00:17:3f:47'/>
  <domain name='example.com' localOnly='yes' register='no'/>
  <dns forwardPlainNames='no'>
    <forwarder domain='example.com' addr='8.8.4.4'/>
    <forwarder addr='8.8.8.8'/>
    <txt name='example' value='a value'/>
    <srv service='name' protocol='tcp' domain='d.com' target='t.d.com' port='1024' priority='10' weight='10'/>
    <host ip='192.168.122.2'>
      <hostname>one</hostname>
      <hostname>two</hostname>
    </host>
  </dns>
  <bandwidth>
    <inbound average='1000' peak='5000' floor='200' burst='5120'/>
    <outbound average='1000' burst='256'/>
  </bandwidth>
  <port isolated='yes'/>
  <ip address='192.168.122.1' netmask='255.255.255.0' localPtr='yes'>
    <tftp root='/srv/tftp'/>
    <dhcp>
      <range start='192.168.122.100' end='192.168.122.254'>
        <lease expiry='1' unit='hours'/>
      </range>
      <host mac='00:16:3e:77:e2:ed' name='a.example.com' ip='192.168.122.10'>
        <lease expiry='0'/>
      </host>
      <bootp file='pxe.img' server='10.20.30.40'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='2001:db8:ca2:2::1' prefix='64'>
    <dhcp>
      <range start='2001:db8:ca2:2:1::10' end='2001:db8:ca2:2:1::ff'/>
      <host id='0:1:0:1:18:aa:62:fe' name='paul' ip='2001:db8:ca2:2:3::1'/>
    </dhcp>
  </ip>
  <route address='192.168.222.0' netmask='255.255.255.0' gateway='192.168.122.10' metric='2'/>
  <route family='ipv6' address='2001:db8:ac10:fc00::' prefix='64' gateway='2001:db8:ac10:fd01::1:24'/>
  <virtualport type='openvswitch'>
    <parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f' profileid='p'/>
  </virtualport>
  <portgroup name='eng' default='yes' trustGuestRxFilters='no'>
    <virtualport>
      <parameters profileid='eng-profile'/>
    </virtualport>
    <bandwidth>
      <inbound average='1000'/>
    </bandwidth>
  </portgroup>
  <dnsmasq:options>
    <dnsmasq:option value='cname=*.foo.example.com,master.example.com'/>
  </dnsmasq:options>
</network>
)";

std::string error_in(std::string_view text) {
    const auto parsed = parse_network(text);
    return parsed ? "accepted" : parsed.error().message;
}
Network parsed(std::string_view text) {
    auto p = parse_network(text);
    EXPECT_TRUE(p) << (p ? "" : p.error().message);
    return p ? p->value : Network{};
}
std::string named(std::string_view inside) {
    return "<network><name>n</name>" + std::string(inside) + "</network>";
}

TEST(NetworkDocument, every_element_survives_a_round_trip_word_for_word) {
    const auto p = parse_network(kFull);
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_TRUE(p->messages.empty()) << p->messages.list.front().text;
    EXPECT_EQ(format_network(p->value), kFull);
}

TEST(NetworkDocument, what_follows_from_little_is_added_once) {
    const Network n = parsed("<network><name>n</name><forward/></network>");
    EXPECT_EQ(n.mode(), ForwardMode::nat);
    ASSERT_TRUE(n.bridge);
    EXPECT_EQ(n.bridge->stp, OnOff::on);
    EXPECT_EQ(n.bridge->delay, 0u);
    const std::string text = format_network(n);
    EXPECT_EQ(format_network(parsed(text)), text);
}

TEST(NetworkDocument, the_old_form_of_one_forward_interface_is_both) {
    EXPECT_THAT(format_network(parsed(named("<forward mode='route' dev='eth1'/>"))), HasSubstr("<interface dev='eth1'/>"));
    EXPECT_THAT(format_network(parsed(named("<forward mode='route'><interface dev='eth1'/></forward>"))),
                HasSubstr("<forward dev='eth1' mode='route'>"));
}

TEST(NetworkDocument, each_forward_mode_takes_what_belongs_to_it) {
    const struct {
        const char* inside;
        const char* complaint;
    } rows[] = {
        {"<forward mode='bridge'/><bridge name='br0'/>", "accepted"},
        {"<forward mode='private'><interface dev='eth0'/></forward>", "accepted"},
        {"<forward mode='hostdev' managed='yes'><driver name='vfio'/><pf dev='eth0'/></forward><vlan><tag id='4'/></vlan>", "accepted"},
        {"<forward mode='hostdev'><address type='pci' domain='0' bus='3' slot='0' function='1'/></forward>", "accepted"},
        {"<forward mode='open'/><ip address='10.0.0.1' prefix='8'/>", "accepted"},
        {"<forward mode='vepa'/><bridge name='br0'/>", "bridge name not allowed in vepa mode"},
        {"<forward mode='passthrough'><pf dev='eth0'/></forward><ip address='10.0.0.1'/>", "Unsupported <ip> element"},
        {"<forward mode='passthrough'><address type='pci' bus='3' slot='0' function='1'/></forward>", "by PCI address"},
        {"<forward mode='route'><nat/></forward>", "The <nat> element can only be used when"},
        {"<forward mode='nat'><interface dev='a'/><interface dev='b'/></forward>", "multiple forwarding interfaces"},
        {"<forward mode='nat' dev='a'><interface dev='b'/></forward>", "must match first interface element"},
        {"<vlan><tag id='4'/></vlan>", "whose type doesn't support vlan"},
        {"<portgroup name='a'/><portgroup name='a'/>", "with the same name (a)"},
        {"<portgroup name='a' default='yes'/><portgroup name='b' default='yes'/>", "multiple default"},
    };
    for (const auto& row : rows) EXPECT_THAT(error_in(named(row.inside)), HasSubstr(row.complaint)) << row.inside;
}

TEST(NetworkDocument, addresses_must_belong_together) {
    const auto ip = [](std::string_view attributes, std::string_view dhcp) {
        return error_in(named(fmt::format("<ip {}><dhcp>{}</dhcp></ip>", attributes, dhcp)));
    };
    constexpr const char* kUsual = "address='192.168.122.1' netmask='255.255.255.0'";
    EXPECT_EQ(ip(kUsual, "<range start='192.168.122.2' end='192.168.122.9'/>"), "accepted");
    EXPECT_THAT(ip(kUsual, "<range start='192.168.122.9' end='192.168.122.2'/>"), HasSubstr("after its end"));
    EXPECT_THAT(ip(kUsual, "<range start='192.168.123.2' end='192.168.123.9'/>"), HasSubstr("not entirely within"));
    EXPECT_THAT(ip(kUsual, "<range start='fd00::2' end='fd00::9'/>"), HasSubstr("mismatch of address family"));
    EXPECT_THAT(ip(kUsual, "<host mac='01:00:00:00:00:01' ip='192.168.122.3'/>"), HasSubstr("unicast"));
    EXPECT_THAT(ip(kUsual, "<host mac='00:16:3e:77:e2:ed'/>"), HasSubstr("Missing IP address"));
    EXPECT_THAT(ip(kUsual, "<range start='192.168.122.2' end='192.168.122.9'><lease expiry='60' unit='seconds'/></range>"),
                HasSubstr("2 minutes"));
    EXPECT_THAT(ip("address='192.168.122.1' netmask='255.0.255.0'", ""), HasSubstr("expected one like 255.255.255.0"));
    EXPECT_THAT(ip("address='192.168.122.1' prefix='33'", ""), HasSubstr("at most 32"));
    EXPECT_THAT(ip("address='fd00::1'", ""), HasSubstr("family"));
    EXPECT_THAT(ip("address='nonsense'", ""), HasSubstr("line 1: attribute 'address' of <ip>: found 'nonsense'"));
}

TEST(NetworkDocument, a_network_needs_a_name) {
    const auto p = parse_network("<network/>");
    ASSERT_FALSE(p);
    EXPECT_EQ(p.error().code, ErrorCode::no_name);
    EXPECT_THAT(error_in("<network><name>a/b</name></network>"), HasSubstr("cannot contain '/'"));
    EXPECT_THAT(error_in("<domain/>"), HasSubstr("expected <network>"));
}

TEST(NetworkUpdate, hosts_are_added_changed_and_removed) {
    Network n = parsed(kFull);
    const auto update = [&](UpdateCommand command, std::string_view text, int index = -1) {
        const Status s = update_network(n, {command, UpdateSection::ip_dhcp_host, index, text});
        return s ? std::string("done") : s.error().message;
    };
    constexpr const char* kTea = "<host mac='00:16:3e:77:e2:aa' name='tea' ip='192.168.122.9'/>";
    EXPECT_EQ(update(UpdateCommand::add_first, kTea), "done");
    EXPECT_EQ(n.ips[0].dhcp->hosts.front().name, "tea");
    EXPECT_THAT(update(UpdateCommand::add_last, kTea), HasSubstr("there is an existing dhcp host entry"));
    EXPECT_EQ(update(UpdateCommand::modify, "<host mac='00:16:3e:77:e2:aa' name='coffee' ip='192.168.122.9'/>"), "done");
    EXPECT_EQ(n.ips[0].dhcp->hosts.front().name, "coffee");
    EXPECT_EQ(update(UpdateCommand::remove, "<host name='coffee'/>"), "done");
    EXPECT_THAT(update(UpdateCommand::remove, "<host name='coffee'/>"), HasSubstr("couldn't locate"));
    EXPECT_THAT(update(UpdateCommand::remove, "<host name='x'/>", 7), HasSubstr("no <ip> element found at index 7"));
    EXPECT_EQ(format_network(n), kFull);
}

TEST(NetworkUpdate, a_refused_change_leaves_the_network_as_it_was) {
    Network n = parsed(kFull);
    const Status s = update_network(n, {UpdateCommand::add_last, UpdateSection::forward_interface, -1, "<interface dev='eth47'/>"});
    ASSERT_FALSE(s);
    EXPECT_THAT(s.error().message, HasSubstr("multiple forwarding interfaces"));
    EXPECT_EQ(format_network(n), kFull);
}

TEST(NetworkUpdate, records_of_names_are_found_by_what_is_given) {
    Network n = parsed(kFull);
    const auto update = [&](UpdateCommand command, UpdateSection section, std::string_view text) {
        const Status s = update_network(n, {command, section, -1, text});
        return s ? std::string("done") : s.error().message;
    };
    EXPECT_THAT(update(UpdateCommand::add_last, UpdateSection::dns_txt, "<txt name='example' value='x'/>"),
                HasSubstr("there is already a DNS TXT record with name 'example'"));
    EXPECT_EQ(update(UpdateCommand::add_last, UpdateSection::dns_srv, "<srv service='name' protocol='tcp' domain='e.com'/>"), "done");
    EXPECT_THAT(update(UpdateCommand::remove, UpdateSection::dns_srv, "<srv service='name'/>"), HasSubstr("multiple DNS SRV records"));
    EXPECT_EQ(update(UpdateCommand::remove, UpdateSection::dns_srv, "<srv domain='e.com'/>"), "done");
    EXPECT_EQ(update(UpdateCommand::remove, UpdateSection::dns_host, "<host><hostname>two</hostname></host>"), "done");
    EXPECT_TRUE(n.dns->hosts.empty());
    EXPECT_EQ(update(UpdateCommand::modify, UpdateSection::portgroup, "<portgroup name='eng'/>"), "done");
    EXPECT_FALSE(n.port_groups[0].bandwidth);
    EXPECT_THAT(update(UpdateCommand::modify, UpdateSection::bridge, "<bridge/>"), HasSubstr("can't update 'bridge' section"));
}

TEST(NetworkPortDocument, ports_of_every_plug_survive_a_round_trip) {
    for (const char* plug : {"<plug type='network' bridge='virbr0' macTableManager='libvirt'/>",
                             "<plug type='bridge' bridge='br0'/>", "<plug type='direct' dev='eth0' mode='vepa'/>",
                             "<plug type='hostdev-pci' managed='yes'>\n    <driver name='vfio'/>\n    <address domain='0x0001' bus='0x02' "
                             "slot='0x03' function='0x4'/>\n  </plug>"}) {
        const std::string text = fmt::format(R"(<networkport>
  <uuid>5d744f21-ba4a-4d6e-bdb2-30a35ff3207d</uuid>
  <owner>
    <name>memtest</name>
    <uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid>
  </owner>
  <mac address='52:54:00:7b:35:93'/>
  <group>web1</group>
  <rxfilters trustGuest='yes'/>
  <bandwidth>
    <inbound average='100' peak='200' floor='300' burst='400'/>
    <outbound average='10' peak='20' burst='40'/>
  </bandwidth>
  <port isolated='yes'/>
  {}
</networkport>
)",
                                             plug);
        const auto p = parse_port(text);
        ASSERT_TRUE(p) << p.error().message;
        EXPECT_EQ(format_port(p->value), text);
    }
    EXPECT_THAT(parse_port("<networkport/>").error().message, HasSubstr("owner"));
}

} // namespace
} // namespace polyvirt::sdk::network
