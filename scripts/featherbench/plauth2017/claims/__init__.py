# SPDX-License-Identifier: Apache-2.0
"""The paper's claims, each judged on published data or on a run's own."""
