// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The schemas against the reader: libxml2 judges by the one what the other accepts.
#include "sdk/xml/schema.h"

#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "sdk/domain/domain.h"
#include "sdk/domain/snapshot.h"
#include "sdk/interface/interface.h"
#include "sdk/network/network.h"
#include "sdk/network/port.h"
#include "sdk/nodedev/nodedev.h"
#include "sdk/nwfilter/nwfilter.h"
#include "sdk/secret/secret.h"
#include "sdk/storage/pool.h"
#include "sdk/storage/volume.h"
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

// One document of each kind, as the fuzzers have them: with each of its elements and attributes misspelt in turn, reader and
// schema say the same.
struct Kind {
    const char* name; // of the file
    const char* root;
    bool (*known)(const std::string& text);
    std::string (*schema)(std::string_view root);
};
template <typename T> constexpr Kind kind(const char* name, const char* root) { return {name, root, is_known<T>, xml::schema<T>}; }
const Kind kKinds[] = {
    kind<domain::Domain>("domain/server", "domain"),
    kind<domain::Domain>("domain/numa", "domain"),
    kind<domain::Snapshot>("documents/snapshot", "domainsnapshot"),
    kind<domain::Checkpoint>("documents/checkpoint", "domaincheckpoint"),
    kind<domain::Backup>("documents/backup", "domainbackup"),
    kind<network::Network>("documents/network", "network"),
    kind<network::Port>("documents/port", "networkport"),
    kind<storage::Pool>("documents/pool", "pool"),
    kind<storage::Volume>("documents/volume", "volume"),
    kind<nodedev::Device>("documents/nodedev", "device"),
    kind<interface::Interface>("documents/interface", "interface"),
    kind<secret::Secret>("documents/secret", "secret"),
    kind<nwfilter::Filter>("documents/filter", "filter"),
    kind<nwfilter::Binding>("documents/binding", "filterbinding"),
};

std::string text_of(xmlDocPtr document) {
    xmlChar* bytes = nullptr;
    int length = 0;
    xmlDocDumpMemory(document, &bytes, &length);
    std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
    xmlFree(bytes);
    return text;
}

// The document with the name of each element, then of each attribute, changed.
void misspell(xmlDocPtr document, xmlNodePtr element, std::vector<std::string>& out) {
    const std::string name(reinterpret_cast<const char*>(element->name));
    const auto renamed = [&](auto* node) {
        const std::string was(reinterpret_cast<const char*>(node->name));
        xmlNodeSetName(reinterpret_cast<xmlNodePtr>(node), reinterpret_cast<const xmlChar*>((was + "z").c_str()));
        out.push_back(text_of(document));
        xmlNodeSetName(reinterpret_cast<xmlNodePtr>(node), reinterpret_cast<const xmlChar*>(was.c_str()));
    };
    renamed(element);
    for (xmlAttrPtr a = element->properties; a != nullptr; a = a->next) renamed(a);
    for (xmlNodePtr child = element->children; child != nullptr; child = child->next)
        if (child->type == XML_ELEMENT_NODE) misspell(document, child, out);
}

TEST(Schema, of_every_kind_agrees_with_the_reader) {
    for (const Kind& k : kKinds) {
        SCOPED_TRACE(k.name);
        std::ifstream file(std::string(PV_SEEDS "/") + k.name + ".xml");
        std::stringstream read;
        read << file.rdbuf();
        const std::string text = read.str();
        const Schema schema(k.schema(k.root));
        ASSERT_TRUE(schema.is_one());
        EXPECT_TRUE(k.known(text)) << text;
        EXPECT_TRUE(schema.fits(text)) << text;
        xmlDocPtr document = xmlReadMemory(text.data(), static_cast<int>(text.size()), "seed.xml", nullptr, XML_PARSE_NONET);
        ASSERT_NE(document, nullptr);
        std::vector<std::string> wrong;
        misspell(document, xmlDocGetRootElement(document), wrong);
        xmlFreeDoc(document);
        EXPECT_GT(wrong.size(), 5U);
        for (std::size_t i = 1; i < wrong.size(); ++i) // the first is of another kind, which the reader is not asked
            EXPECT_EQ(k.known(wrong[i]), schema.fits(wrong[i])) << wrong[i];
    }
}

} // namespace
} // namespace polyvirt::sdk::xml
