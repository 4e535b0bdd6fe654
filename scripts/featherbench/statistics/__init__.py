# SPDX-License-Identifier: Apache-2.0
"""Statistics: from samples to tables. Imports no driver."""
