// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Documents of devices, interfaces, secrets and filters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/interface/interface.h"
#include "sdk/nodedev/nodedev.h"
#include "sdk/nwfilter/nwfilter.h"
#include "sdk/secret/secret.h"
#include "base/error_text.h"
#include "sdk/xml/metadata.h"

namespace polyvirt::sdk {
namespace {

using testing::HasSubstr;

TEST(DeviceDocument, devices_of_many_kinds_survive_a_round_trip) {
    for (const char* capability :
         {"<capability type='scsi_host'>\n    <host>1</host>\n    <unique_id>0</unique_id>\n    <capability type='fc_host'>\n      "
          "<wwnn>20</wwnn>\n      <wwpn>10</wwpn>\n      <fabric_wwn>30</fabric_wwn>\n    </capability>\n    <capability "
          "type='vport_ops'>\n      <max_vports>0</max_vports>\n      <vports>0</vports>\n    </capability>\n  </capability>",
          "<capability type='mdev'>\n    <type id='i915'/>\n    <uuid>3627463d-b7f0-4fea-b468-f1da537d301b</uuid>\n    <iommuGroup "
          "number='12'/>\n    <attr name='a' value='b'/>\n  </capability>",
          "<capability type='pci'>\n    <class>0x030000</class>\n    <domain>0</domain>\n    <bus>2</bus>\n    <slot>0</slot>\n    "
          "<function>1</function>\n    <product id='0x1521'>I350</product>\n    <vendor id='0x8086'>Intel</vendor>\n    <capability "
          "type='virt_functions' maxCount='7'>\n      <address domain='0x0000' bus='0x02' slot='0x10' function='0x0'/>\n    "
          "</capability>\n    <iommuGroup number='1'>\n      <address domain='0x0000' bus='0x02' slot='0x00' function='0x1'/>\n    "
          "</iommuGroup>\n    <numa node='0'/>\n    <pci-express>\n      <link validity='cap' port='0' speed='5' width='4'/>\n    "
          "</pci-express>\n  </capability>",
          "<capability type='net'>\n    <interface>eth0</interface>\n    <address>52:54:00:12:34:56</address>\n    <link speed='1000' "
          "state='up'/>\n    <feature name='rx'/>\n    <capability type='80203'/>\n  </capability>"}) {
        const std::string text = fmt::format("<device>\n  <name>d</name>\n  <path>/sys/d</path>\n  <devnode type='dev'>/dev/d</devnode>\n  "
                                             "<parent>computer</parent>\n  <driver>\n    <name>drv</name>\n  </driver>\n  {}\n</device>\n",
                                             capability);
        const auto p = nodedev::parse_device(text);
        ASSERT_TRUE(p) << p.error().message;
        EXPECT_TRUE(p->messages.empty()) << p->messages.list.front().text;
        EXPECT_EQ(nodedev::format_device(p->value), text);
    }
    EXPECT_THAT(nodedev::parse_device("<device/>").error().message, HasSubstr("no device capabilities for 'new device'"));
}

TEST(InterfaceDocument, interfaces_of_every_type_survive_a_round_trip) {
    for (const char* text :
         {"<interface type='ethernet' name='eth1'>\n  <start mode='onboot'/>\n  <mtu size='1492'/>\n  <protocol family='ipv4'>\n    <ip "
          "address='192.168.0.5' prefix='24'/>\n    <route gateway='192.168.0.1'/>\n  </protocol>\n  <protocol family='ipv6'>\n    "
          "<autoconf/>\n    <dhcp peerdns='no'/>\n  </protocol>\n  <mac address='aa:bb:cc:dd:ee:ff'/>\n  <link speed='10' "
          "state='up'/>\n</interface>\n",
          "<interface type='bridge' name='br0'>\n  <start mode='none'/>\n  <bridge stp='off' delay='0.01'>\n    <interface "
          "type='ethernet' name='eth0'/>\n  </bridge>\n</interface>\n",
          "<interface type='bond' name='bond0'>\n  <bond mode='active-backup'>\n    <miimon freq='100' updelay='10' "
          "carrier='ioctl'/>\n    <interface type='ethernet' name='eth0'/>\n  </bond>\n</interface>\n",
          "<interface type='vlan' name='eth0.42'>\n  <vlan tag='42'>\n    <interface name='eth0'/>\n  </vlan>\n</interface>\n"}) {
        const auto p = interface::parse_interface(text);
        ASSERT_TRUE(p) << p.error().message;
        EXPECT_EQ(interface::format_interface(p->value), text);
    }
    EXPECT_THAT(interface::parse_interface("<interface type='bond' name='b'/>").error().message, HasSubstr("needs the element"));
    EXPECT_THAT(interface::parse_interface("<interface type='ethernet'/>").error().message, HasSubstr("interface has no name"));
}

TEST(SecretDocument, secrets_of_every_use_survive_a_round_trip) {
    for (const char* usage : {"<usage type='volume'>\n    <volume>/v</volume>\n  </usage>", "<usage type='ceph'>\n    <name>n</name>\n  </usage>",
                              "<usage type='iscsi'>\n    <target>t</target>\n  </usage>", "<usage type='tls'>\n    <name>n</name>\n  </usage>",
                              "<usage type='vtpm'>\n    <name>n</name>\n  </usage>"}) {
        const std::string text = fmt::format("<secret ephemeral='no' private='yes'>\n  <uuid>aa6c7af2-45a7-477c-85a2-fe86d9f2514e</uuid>\n  "
                                             "<description>d</description>\n  {}\n</secret>\n",
                                             usage);
        const auto p = secret::parse_secret(text);
        ASSERT_TRUE(p) << p.error().message;
        EXPECT_EQ(secret::format_secret(p->value), text);
    }
    EXPECT_THAT(secret::parse_secret("<secret><usage type='volume'/></secret>").error().message, HasSubstr("<usage> has no <volume>"));
}

TEST(FilterDocument, rules_and_references_keep_their_order) {
    constexpr const char* kText = R"(<filter name='f' chain='ipv4-x' priority='-700'>
  <uuid>5c6d49af-b071-6127-b4ec-6f8ed4b55335</uuid>
  <filterref filter='a'/>
  <rule action='accept' direction='out' priority='500'>
    <tcp match='no' srcmacaddr='01:02:03:04:05:06' dstipaddr='10.1.2.3' dstipmask='32' dscp='0x22' srcportstart='20' flags='SYN/ALL' state='NEW' comment='a &lt; b'/>
  </rule>
  <filterref filter='b'>
    <parameter name='IP' value='10.0.0.1'/>
  </filterref>
  <rule action='drop' direction='inout' priority='-1' statematch='false'>
    <arp opcode='Request' gratuitous='true' arpsrcipaddr='$IP'/>
  </rule>
  <rule action='drop' direction='in' priority='500'/>
</filter>
)";
    const auto p = nwfilter::parse_filter(kText);
    ASSERT_TRUE(p) << p.error().message;
    const std::string once = nwfilter::format_filter(p->value);
    const auto again = nwfilter::parse_filter(once);
    ASSERT_TRUE(again);
    EXPECT_EQ(nwfilter::format_filter(again->value), once);
    ASSERT_EQ(p->value.entries.size(), 5u);
    EXPECT_EQ(p->value.entries[0].filter, "a");
    EXPECT_TRUE(p->value.entries[1].is_rule());
    EXPECT_EQ(p->value.entries[2].filter, "b");
    EXPECT_THAT(once, HasSubstr("arpsrcipaddr='$IP'"));
    EXPECT_THAT(once, HasSubstr("dscp='0x22'"));
}

TEST(FilterDocument, values_out_of_bounds_are_named) {
    const auto error = [](std::string_view element) {
        const auto p = nwfilter::parse_filter(fmt::format("<filter name='f'><rule action='drop' direction='in'>{}</rule></filter>", element));
        return p ? "accepted" : p.error().message;
    };
    EXPECT_EQ(error("<udp srcportstart='0xffff'/>"), "accepted");
    EXPECT_THAT(error("<udp dstportend='65536'/>"), HasSubstr("dstportend has illegal value 65536"));
    EXPECT_THAT(error("<mac protocolid='15'/>"), HasSubstr("protocolid has illegal value 15"));
    EXPECT_THAT(error("<vlan vlanid='0xffff'/>"), HasSubstr("vlanid has illegal value 0xffff"));
    EXPECT_THAT(error("<udp-ipv6 srcipaddr='a:b:c'/>"), HasSubstr("srcipaddr has illegal value a:b:c"));
    EXPECT_THAT(error("<udplite-ipv6 srcipmask='129'/>"), HasSubstr("srcipmask has illegal value 129"));
    EXPECT_THAT(error("<tcp flags='SYN'/>"), HasSubstr("flags has illegal value SYN"));
    EXPECT_THAT(nwfilter::parse_filter("<filter name='f' chain='wrong'/>").error().message, HasSubstr("Invalid chain name 'wrong'"));
}

TEST(BindingDocument, bindings_survive_a_round_trip_and_lack_nothing) {
    constexpr const char* kText = "<filterbinding>\n  <owner>\n    <name>m</name>\n    <uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid>\n  "
                                  "</owner>\n  <portdev name='vnet0'/>\n  <mac address='52:54:00:7b:35:93'/>\n  <filterref "
                                  "filter='clean'>\n    <parameter name='MAC' value='x'/>\n  </filterref>\n</filterbinding>\n";
    const auto p = nwfilter::parse_binding(kText);
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(nwfilter::format_binding(p->value), kText);
    EXPECT_THAT(nwfilter::parse_binding("<filterbinding><portdev name='v'/></filterbinding>").error().message, HasSubstr("no owner name"));
}

TEST(Metadata, each_namespace_has_one_element) {
    std::optional<xml::Node> metadata;
    const auto set = [&](std::string_view uri, std::string_view key, std::string_view text) {
        const Status s = xml::set_metadata_element(metadata, uri, key, text, ErrorDomain::network);
        return s ? std::string("done") : s.error().message;
    };
    EXPECT_EQ(set("urn:a", "a", "<x y='1'/>"), "done");
    EXPECT_EQ(xml::metadata_element(metadata, "urn:a"), "<a:x xmlns:a=\"urn:a\" y=\"1\"/>\n");
    EXPECT_EQ(set("urn:a", "a", "<z/>"), "done");
    EXPECT_EQ(xml::metadata_element(metadata, "urn:a"), "<a:z xmlns:a=\"urn:a\"/>\n");
    EXPECT_EQ(xml::metadata_element(metadata, "urn:b"), std::nullopt);
    EXPECT_THAT(set("urn:b", "b:c", "<z/>"), HasSubstr("a name without ':'"));
    EXPECT_THAT(set("urn:b", "b", "<z>"), HasSubstr("XML error"));
    EXPECT_EQ(set("urn:a", "", ""), "done");
    EXPECT_FALSE(metadata);
}

} // namespace
} // namespace polyvirt::sdk
