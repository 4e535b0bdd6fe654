# SPDX-License-Identifier: Apache-2.0
"""The one instance that lives on between jobs, so that the cells of a deployment share it."""

from contextlib import suppress
from typing import Any

from pydantic import Field

from featherbench import registry
from featherbench.errors import MachineSilentError
from featherbench.records.base import Record
from featherbench.records.instance import Instance
from featherbench.testbed.state import current_state


class Lease(Record):
    """The leased instance, what started it, and whether it has been warmed up."""

    deployment_id: str
    instance: Instance
    technology: str
    hypervisor: str
    hypervisor_settings: dict[str, Any] = Field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    warmed: bool = False


def current() -> Lease | None:
    """Return the lease on record. Only the driver knows whether its instance still runs."""
    return Lease.read_valid(current_state().lease)


def store(lease: Lease) -> None:
    """Record a lease, in place of the last one."""
    lease.write(current_state().lease)


def release() -> None:
    """Stop the leased instance and delete the lease. No error when nothing is leased.

    A lease that cannot be read is deleted, and so is one on a machine that does not answer: its
    instance is then found by its label.
    """
    lease = current()
    if lease is not None:
        driver = registry.platform(
            lease.technology, lease.hypervisor, lease.plugins, lease.hypervisor_settings
        )
        if driver is not None:
            with suppress(MachineSilentError):
                driver.stop(lease.instance)
    current_state().lease.unlink(missing_ok=True)
