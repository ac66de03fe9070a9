# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the integration cases stand on: a daemon to talk to, guests, terminals, waits."""
