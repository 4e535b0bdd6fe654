# SPDX-License-Identifier: Apache-2.0
"""The paper's claims, judged by the published data or by the data of a run."""
