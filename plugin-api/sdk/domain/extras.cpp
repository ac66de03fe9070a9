// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/extras.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, TpmBackend& v) {
    b.attr("type", v.type, xml::one_of(names::kTpmBackends, true));
    b.attr("version", v.version, xml::one_of(names::kTpmVersions));
    b.attr("persistent_state", v.persistent_state);
    b.when(v.type == "passthrough", "type is passthrough",
           [&] { b.group("device", [&] { b.attr("path", v.device); }); });
    b.when(v.type == "external", "type is external", [&] { b.child("source", v.sources); });
    b.group("encryption", [&] { b.attr("secret", v.encryption_secret); });
    b.group("active_pcr_banks", [&] {
        b.flag("sha1", v.active_pcr_banks.sha1);
        b.flag("sha256", v.active_pcr_banks.sha256);
        b.flag("sha384", v.active_pcr_banks.sha384);
        b.flag("sha512", v.active_pcr_banks.sha512);
    });
}

void describe(xml::Binder& b, Tpm& v) {
    b.attr("model", v.model, xml::one_of(names::kTpms));
    b.child("backend", v.backend);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, SmartcardCertificate& v) {
    b.text(v.file);
}

void describe(xml::Binder& b, Smartcard& v) {
    b.attr("mode", v.mode, xml::one_of(names::kSmartcards, true));
    b.attr("type", v.type, xml::one_of(names::kChardevTypes));
    b.attr("tty", v.tty);
    b.child("certificate", v.certificates);
    b.element("database", v.database);
    b.child("source", v.sources);
    b.group("protocol", [&] { b.attr("type", v.protocol); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, ShmemMsi& v) {
    b.attr("vectors", v.vectors);
    b.attr("ioeventfd", v.ioeventfd);
}

void describe(xml::Binder& b, ShmemServer& v) {
    b.attr("path", v.path);
}

void describe(xml::Binder& b, Shmem& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("role", v.role, xml::one_of(names::kRoles));
    b.group("model", [&] { b.attr("type", v.model, xml::one_of(names::kShmems)); });
    b.group("size", [&] {
        b.attr("unit", v.size_unit);
        b.text(v.size);
    });
    b.child("server", v.server);
    b.child("msi", v.msi);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, MemorySource& v) {
    b.element("path", v.path);
    b.element("nodemask", v.nodemask);
    b.group("pagesize", [&] { b.size_text(v.page_size); });
    b.group("alignsize", [&] { b.size_text(v.align_size); });
    b.flag("pmem", v.pmem);
}

void describe(xml::Binder& b, MemoryTarget& v) {
    b.group("size", [&] { b.size_text(v.size); });
    b.element("node", v.node);
    b.group("label", [&] { b.group("size", [&] { b.size_text(v.label_size); }); });
    b.flag("readonly", v.readonly);
    b.group("block", [&] { b.size_text(v.block); });
    b.group("requested", [&] { b.size_text(v.requested); });
    b.group("current", [&] { b.size_text(v.current); });
    b.group("address", [&] { b.attr("base", v.address); });
}

void describe(xml::Binder& b, MemoryDevice& v) {
    b.attr("model", v.model, xml::one_of(names::kMemories, true));
    b.attr("access", v.access, xml::one_of(names::kMemoryAccess));
    b.attr("discard", v.discard);
    b.element("uuid", v.uuid);
    b.child("source", v.source);
    b.child("target", v.target);
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Vsock& v) {
    b.attr("model", v.model, xml::one_of(names::kVirtio));
    b.group("cid", [&] {
        b.attr("auto", v.cid_auto);
        b.attr("address", v.cid, xml::Rule{}.limits(3, 0xffffffff));
    });
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Iommu& v) {
    b.attr("model", v.model, xml::one_of(names::kIommus, true));
    b.group("driver", [&] {
        b.attr("intremap", v.intremap);
        b.attr("caching_mode", v.caching_mode);
        b.attr("eim", v.eim);
        b.attr("iotlb", v.iotlb);
        b.attr("aw_bits", v.aw_bits);
    });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, NvramDevice& v) {
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Crypto& v) {
    b.attr("model", v.model, xml::one_of(names::kCryptos, true));
    b.attr("type", v.type, xml::one_of(names::kCryptoTypes, true));
    b.group("backend", [&] {
        b.attr("model", v.backend, xml::one_of(names::kCryptoBackends));
        b.attr("queues", v.queues);
    });
    b.group("driver", [&] { describe_virtio(b, v.driver); });
    describe_info(b, v.info);
}

void describe(xml::Binder& b, Lease& v) {
    b.element("lockspace", v.lockspace);
    b.element("key", v.key);
    b.group("target", [&] {
        b.attr("path", v.path);
        b.attr("offset", v.offset);
    });
}

} // namespace polyvirt::sdk::domain
