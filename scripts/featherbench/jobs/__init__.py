# SPDX-License-Identifier: Apache-2.0
"""What the scripts run: one module for each kind of job."""
