// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/identity.h"

namespace polyvirt::dispatch {
std::shared_ptr<const plugin::Caller> make_caller(rpc::Client& client) {
    const rpc::Identity& id = client.identity();
    auto caller = std::make_shared<plugin::Caller>();
    caller->client = client.id();
    caller->readonly = id.readonly;
    caller->uid = id.uid;
    caller->gid = id.gid;
    caller->pid = id.pid;
    caller->transport = id.transport == rpc::Transport::unix_socket ? "unix"
                        : id.transport == rpc::Transport::tls       ? "tls"
                                                                    : "tcp";
    caller->sasl_user = id.sasl_user;
    caller->x509_dname = id.x509_dname;
    return caller;
}

access::Subject make_subject(const rpc::Client& client, bool readonly) {
    const rpc::Identity id = client.identity();
    access::Subject subject;
    subject.readonly = readonly;
    subject.transport = id.transport == rpc::Transport::unix_socket ? access::Transport::unix_socket
                        : id.transport == rpc::Transport::tls       ? access::Transport::tls
                                                                    : access::Transport::tcp;
    if (id.transport == rpc::Transport::unix_socket) {
        subject.uid = id.uid;
        subject.gid = id.gid;
        subject.pid = id.pid;
        subject.groups.assign(id.groups.begin(), id.groups.end());
        subject.start_time = rpc::process_start_time(id.pid);
    }
    subject.sasl_user = id.sasl_user;
    subject.x509_dname = id.x509_dname;
    return subject;
}

access::Subject make_subject(const plugin::Caller& caller) {
    access::Subject subject;
    subject.readonly = caller.readonly;
    subject.uid = caller.uid;
    subject.gid = caller.gid;
    subject.pid = caller.pid;
    if (caller.pid > 0) subject.start_time = rpc::process_start_time(static_cast<pid_t>(caller.pid));
    subject.sasl_user = caller.sasl_user;
    subject.x509_dname = caller.x509_dname;
    return subject;
}

} // namespace polyvirt::dispatch
