// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The schemas against the reader: libxml2 judges by the one what the other accepts.
#include "sdk/xml/schema.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "sdk/domain/domain.h"
#include "sdk/network/network.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"

namespace polyvirt::sdk::xml {
namespace {

// GCC makes no function of a lambda that takes what it likes.
void say_nothing(void*, const char*, ...) {}

class Schema {
  public:
    explicit Schema(const std::string& text) {
        xmlRelaxNGParserCtxtPtr context = xmlRelaxNGNewMemParserCtxt(text.data(), static_cast<int>(text.size()));
        schema_ = xmlRelaxNGParse(context);
        xmlRelaxNGFreeParserCtxt(context);
    }
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;
    ~Schema() { xmlRelaxNGFree(schema_); }
    [[nodiscard]] bool is_one() const { return schema_ != nullptr; }
    [[nodiscard]] bool fits(const std::string& text) const {
        xmlDocPtr document = xmlReadMemory(text.data(), static_cast<int>(text.size()), "test.xml", nullptr, XML_PARSE_NONET);
        if (document == nullptr) return false;
        xmlRelaxNGValidCtxtPtr context = xmlRelaxNGNewValidCtxt(schema_);
        xmlRelaxNGSetValidErrors(context, say_nothing, say_nothing, nullptr);
        const bool fits = xmlRelaxNGValidateDoc(context, document) == 0;
        xmlRelaxNGFreeValidCtxt(context);
        xmlFreeDoc(document);
        return fits;
    }

  private:
    xmlRelaxNGPtr schema_ = nullptr;
};

template <typename T> bool is_known(const std::string& text) {
    const auto node = read(text, "document");
    Messages messages;
    return node && parse<T>(*node, messages) && refuse_unknown(messages);
}

std::string domain(const std::string& inner) {
    return "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name>" + inner + "</domain>";
}

TEST(Schema, of_domains_agrees_with_the_reader) {
    const Schema schema(xml::schema<domain::Domain>("domain"));
    ASSERT_TRUE(schema.is_one());
    const std::string known[] = {
        domain(""),
        domain("<memory unit='MiB'>0x10</memory><vcpu cpuset='1-3,^2' current='1'>2</vcpu>"),
        domain("<devices><disk type='file'><target dev='vda' bus='virtio'/><source file='/a'/><backingStore type='file'><format type='raw'/>"
               "<source file='/b'/><backingStore/></backingStore></disk></devices>"),
        domain("<devices><interface type='user'><mac address='52:54:00:1:2:3'/><vlan><tag id='1'/></vlan></interface></devices>"),
        domain("<metadata><a:b xmlns:a='urn:a' c='d'>x<e/></a:b></metadata>"),
        domain("<features><capabilities policy='deny'><mknod state='on'/></capabilities></features>"),
        domain("<qemu:commandline><qemu:arg value='x'/></qemu:commandline>"),
        domain("<os><type arch='x86_64'>hvm</type><nvram>/n</nvram><boot dev='hd'/><boot dev='network'/></os>"),
        domain("<devices><controller type='pci' model='pcie-root-port'><model name='ioh3420'/><target chassis='1' port='0x8'/></controller></devices>"),
    };
    for (const std::string& text : known) {
        EXPECT_TRUE(is_known<domain::Domain>(text)) << text;
        EXPECT_TRUE(schema.fits(text)) << text;
    }
    const std::string unknown[] = {
        "<network/>",
        "<domain type='qemu'/>",
        domain("<vpcu>1</vpcu>"),
        domain("<vcpu>many</vcpu>"),
        domain("<vcpus>4</vcpus>"),
        domain("<devices><disk type='fil'><target dev='vda'/></disk></devices>"),
        domain("<devices><disk type='file'><target dev='vda' buss='virtio'/></disk></devices>"),
        domain("<devices><watchdog/></devices>"),
        domain("<devices><watchdog model='i6300es'/></devices>"),
        domain("<commandline><arg value='x'/></commandline>"),
    };
    for (const std::string& text : unknown) {
        EXPECT_FALSE(is_known<domain::Domain>(text)) << text;
        EXPECT_FALSE(schema.fits(text)) << text;
    }
}

TEST(Schema, of_networks_agrees_with_the_reader) {
    const Schema schema(xml::schema<network::Network>("network"));
    ASSERT_TRUE(schema.is_one());
    const std::string known = "<network><name>n</name><forward mode='nat'/><ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2'"
                              " end='10.0.0.9'/></dhcp></ip></network>";
    EXPECT_TRUE(is_known<network::Network>(known));
    EXPECT_TRUE(schema.fits(known));
    const std::string unknown = "<network><name>n</name><forwards mode='nat'/></network>";
    EXPECT_FALSE(is_known<network::Network>(unknown));
    EXPECT_FALSE(schema.fits(unknown));
}

} // namespace
} // namespace polyvirt::sdk::xml
