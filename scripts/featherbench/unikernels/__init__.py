# SPDX-License-Identifier: Apache-2.0
"""Unikernels: descriptions of their images, and how they are run on this machine."""
