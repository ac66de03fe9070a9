// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/tls_context.h"

#include "host/rpc/tls_material.h"
#include "host/rpc/tls_session.h"

namespace polyvirt::rpc {

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::create(TlsOptions options) {
    PV_ASSIGN_OR_RETURN(auto material, load_tls_material(std::move(options)));
    std::shared_ptr<TlsContext> context(new TlsContext);
    LeafLock lock(context->mu_);
    context->material_ = std::move(material);
    return context;
}

TlsOptions TlsContext::options() const {
    LeafLock lock(mu_);
    return material_->options;
}

Status TlsContext::reload() {
    return reload(options());
}

Status TlsContext::reload(TlsOptions options) {
    PV_ASSIGN_OR_RETURN(const auto apply, prepare(std::move(options)));
    apply();
    return {};
}

Result<std::function<void()>> TlsContext::prepare(TlsOptions options) {
    PV_ASSIGN_OR_RETURN(auto material, load_tls_material(std::move(options)));
    return std::function<void()>([self = shared_from_this(), material] {
        auto last = material; // goes without the lock, and with its last connection
        LeafLock lock(self->mu_);
        self->material_.swap(last);
    });
}

std::unique_ptr<TlsSession> TlsContext::new_session() const {
    std::shared_ptr<const TlsMaterial> material;
    {
        LeafLock lock(mu_);
        material = material_;
    }
    auto session = std::make_unique<TlsSession>(std::move(material));
    return session->usable() ? std::move(session) : nullptr;
}

} // namespace polyvirt::rpc
