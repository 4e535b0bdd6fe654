# SPDX-License-Identifier: Apache-2.0
"""What a driver must implement, and what it is given: read these files to write one."""
