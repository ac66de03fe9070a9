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

} // namespace polyvirt::dispatch
