// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Character devices on the command line are text, in the monitor a tree.

#include <map>

#include "base/error_text.h"
#include "devices/plug.h"

namespace polyvirt::qemu {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

// "socket,id=x,path=/a,,b,server=on": the first word is the kind; two commas are one of the value.
Fields fields_of(std::string_view option) {
    Fields fields;
    std::string part;
    const auto close = [&] {
        const std::size_t equals = part.find('=');
        if (fields.empty()) fields[""] = part;
        else if (equals != std::string::npos) fields[part.substr(0, equals)] = part.substr(equals + 1);
        part.clear();
    };
    for (std::size_t i = 0; i < option.size(); i++) {
        if (option[i] != ',') part += option[i];
        else if (i + 1 < option.size() && option[i + 1] == ',') part += option[i++];
        else close();
    }
    close();
    return fields;
}

std::string text(const Fields& f, std::string_view name) {
    const auto it = f.find(name);
    return it == f.end() ? std::string() : it->second;
}

Json inet(const std::string& host, const std::string& port) {
    Json place = {{"host", host}, {"port", port}};
    Json address = {{"type", "inet"}};
    address["data"] = std::move(place);
    return address;
}

Json socket(const Fields& f) {
    Json data = Json::object();
    if (f.contains("fd")) {
        // A number is the emulator's own; what is handed over later has a name.
        data["addr"] = {{"type", "fd"}};
        data["addr"]["data"] = {{"str", socket_name(text(f, "fd"))}};
    } else if (f.contains("path")) {
        data["addr"] = {{"type", "unix"}};
        data["addr"]["data"] = {{"path", text(f, "path")}};
    } else {
        data["addr"] = inet(text(f, "host"), text(f, "port"));
    }
    data["server"] = text(f, "server") == "on";
    if (f.contains("wait")) data["wait"] = text(f, "wait") == "on";
    if (f.contains("tls-creds")) data["tls-creds"] = text(f, "tls-creds");
    if (f.contains("telnet")) data["telnet"] = text(f, "telnet") == "on";
    if (f.contains("reconnect")) data["reconnect"] = std::strtoll(text(f, "reconnect").c_str(), nullptr, 10);
    return data;
}

// What differs per kind. Null: chardev-add does not have it.
Json backend_data(const std::string& kind, const Fields& f) {
    Json data = Json::object();
    if (kind == "socket") return socket(f);
    if (kind == "udp") {
        data["remote"] = inet(text(f, "host"), text(f, "port"));
        const std::string local = text(f, "localaddr"), port = text(f, "localport");
        if (!local.empty() || (!port.empty() && port != "0")) data["local"] = inet(local, port);
    } else if (kind == "file") {
        data["out"] = text(f, "path");
        if (f.contains("append")) data["append"] = text(f, "append") == "on";
    } else if (kind == "serial" || kind == "pipe") {
        data["device"] = text(f, "path");
    } else if (kind == "spicevmc") {
        data["type"] = text(f, "name");
    } else if (kind == "spiceport") {
        data["fqdn"] = text(f, "name");
    } else if (kind == "dbus") {
        data["name"] = text(f, "name");
    } else if (kind == "qemu-vdagent") {
        data["clipboard"] = text(f, "clipboard") == "on";
        data["mouse"] = text(f, "mouse") == "on";
    } else if (kind != "pty" && kind != "null" && kind != "vc" && kind != "stdio") {
        return nullptr;
    }
    return data;
}

} // namespace

std::string socket_name(std::string_view number) { return fmt::format("socket-{}", number); }

Result<Json> chardev_arguments(std::string_view option) {
    const Fields f = fields_of(option);
    const std::string kind = text(f, "");
    Json data = backend_data(kind, f);
    if (data.is_null())
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "Hotplug unsupported for char device type '{}'", kind);
    if (f.contains("logfile")) data["logfile"] = text(f, "logfile");
    if (f.contains("logappend")) data["logappend"] = text(f, "logappend") == "on";
    Json arguments = {{"id", text(f, "id")}};
    arguments["backend"] = {{"type", kind}};
    arguments["backend"]["data"] = std::move(data);
    return arguments;
}

} // namespace polyvirt::qemu
