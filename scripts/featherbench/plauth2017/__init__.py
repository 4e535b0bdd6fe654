# SPDX-License-Identifier: Apache-2.0
"""The study of Plauth, Feinbube and Polze (2017): data, claims, and its replication by a run."""
