// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/source.h"

#include "sdk/domain/names.h"

namespace polyvirt::sdk::domain {

void describe_metadata_cache(xml::Binder& b, xml::Size& size) {
    b.group("metadata_cache",
            [&] { b.group("max_size", [&] { b.size_text(size, {1, "bytes", 1}); }); });
}

void describe(xml::Binder& b, SecretRef& v) {
    b.attr("type", v.type);
    b.attr("uuid", v.uuid);
    b.attr("usage", v.usage);
}

void describe(xml::Binder& b, DiskAuth& v) {
    b.attr("username", v.username, xml::kRequired);
    b.child("secret", v.secret);
}

void describe(xml::Binder& b, EncryptionCipher& v) {
    b.attr("name", v.name);
    b.attr("size", v.size);
    b.attr("mode", v.mode);
    b.attr("hash", v.hash);
}

void describe(xml::Binder& b, EncryptionIvgen& v) {
    b.attr("name", v.name);
    b.attr("hash", v.hash);
}

void describe(xml::Binder& b, Encryption& v) {
    b.attr("format", v.format, xml::one_of(names::kEncryption, true));
    b.attr("engine", v.engine, xml::one_of(names::kEngines));
    b.child("secret", v.secrets);
    b.child("cipher", v.cipher);
    b.child("ivgen", v.ivgen);
}

void describe(xml::Binder& b, DiskHost& v) {
    b.attr("name", v.name);
    b.attr("port", v.port);
    b.attr("transport", v.transport, xml::one_of(names::kTransports));
    b.attr("socket", v.socket);
}

void describe(xml::Binder& b, DiskSlice& v) {
    b.attr("type", v.type, xml::kRequired);
    b.attr("offset", v.offset);
    b.attr("size", v.size, xml::kRequired);
}

void describe(xml::Binder& b, DiskCookie& v) {
    b.attr("name", v.name, xml::kRequired);
    b.text(v.value);
}

void describe(xml::Binder& b, ReservationSource& v) {
    b.attr("type", v.type);
    b.attr("path", v.path);
    b.attr("mode", v.mode);
}

void describe(xml::Binder& b, Reservations& v) {
    b.attr("managed", v.managed, xml::kRequired);
    b.child("source", v.source);
}

void describe(xml::Binder& b, NvmeAddress& v) {
    const auto hex = [](int digits) {
        xml::Rule rule;
        rule.hex = digits;
        return rule;
    };
    b.attr("domain", v.domain, hex(4));
    b.attr("bus", v.bus, hex(2));
    b.attr("slot", v.slot, hex(2));
    b.attr("function", v.function, hex(1));
}

void describe(xml::Binder& b, DiskSource& v) {
    b.attr("file", v.file, xml::absolute_path());
    b.attr("dev", v.dev);
    b.attr("dir", v.dir);
    b.attr("protocol", v.protocol, xml::one_of(names::kProtocols));
    b.attr("name", v.name);
    b.attr("query", v.query);
    b.attr("tls", v.tls, xml::one_of(names::kYesNo));
    b.attr("tlsHostname", v.tls_hostname);
    b.attr("pool", v.pool);
    b.attr("volume", v.volume);
    b.attr("mode", v.mode, xml::one_of(names::kPoolModes));
    b.attr("type", v.type);
    b.attr("managed", v.managed, xml::one_of(names::kYesNo));
    b.attr("namespace", v.nvme_namespace);
    b.attr("path", v.path);
    b.attr("startupPolicy", v.startup_policy, xml::one_of(names::kStartupPolicy));
    b.attr("fdgroup", v.fd_group);
    b.attr("index", v.index);
    b.child("host", v.hosts);
    b.child("address", v.nvme);
    b.group("snapshot", [&] { b.attr("name", v.snapshot); });
    b.group("config", [&] { b.attr("file", v.config); });
    b.child("auth", v.auth);
    b.group("ssl", [&] { b.attr("verify", v.ssl_verify); });
    b.group("cookies", [&] { b.child("cookie", v.cookies); });
    b.group("readahead", [&] { b.attr("size", v.readahead); });
    b.group("timeout", [&] { b.attr("seconds", v.timeout); });
    b.group("initiator", [&] { b.group("iqn", [&] { b.attr("name", v.initiator); }); });
    b.group("slices", [&] { b.child("slice", v.slices); });
    b.child("reconnect", v.reconnect);
    b.group("identity", [&] {
        b.attr("user", v.user);
        b.attr("group", v.group);
    });
    b.child("encryption", v.encryption);
    b.child("reservations", v.reservations);
    b.child("seclabel", v.labels);
}

void describe(xml::Binder& b, BackingStore& v) {
    b.attr("type", v.type);
    b.attr("index", v.index);
    b.group("format", [&] {
        b.attr("type", v.format, xml::one_of(names::kFormats));
        describe_metadata_cache(b, v.metadata_cache);
    });
    b.child("source", v.source);
    b.child("backingStore", v.next);
}

void describe(xml::Binder& b, Mirror& v) {
    b.attr("type", v.type);
    b.attr("file", v.file);
    b.attr("format", v.file_format);
    b.attr("job", v.job);
    b.attr("ready", v.ready);
    b.group("format", [&] {
        b.attr("type", v.format, xml::one_of(names::kFormats));
        describe_metadata_cache(b, v.metadata_cache);
    });
    b.child("source", v.source);
    b.child("backingStore", v.backing);
}

} // namespace polyvirt::sdk::domain
