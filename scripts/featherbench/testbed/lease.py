# SPDX-License-Identifier: Apache-2.0
"""The one instance that lives on between jobs, so that a deployment's cells share it."""

from __future__ import annotations

import contextlib
from typing import Any

from pydantic import Field, ValidationError

from featherbench import registry as plugins
from featherbench.errors import MachineSilentError
from featherbench.records.base import Record
from featherbench.records.instance import Instance  # noqa: TC001 - pydantic needs it at run time
from featherbench.testbed.state import current_state


class Lease(Record):
    """What is leased: the instance, what started it, and whether it has been warmed up."""

    deployment_id: str
    instance: Instance
    technology: str
    hypervisor: str
    hypervisor_settings: dict[str, Any] = Field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    warmed: bool = False


def held() -> Lease | None:
    """Give the lease on record; whether its instance still runs, the driver must tell."""
    with contextlib.suppress(FileNotFoundError, ValidationError):
        return Lease.read(current_state().lease)
    return None


def hold(lease: Lease) -> None:
    """Put a lease on record, in place of the one there was."""
    lease.write(current_state().lease)


def release() -> None:
    """Stop the leased instance and forget it. No error when nothing is leased.

    A lease that cannot be read is forgotten, and so is one on a machine that does not answer: its
    instance is then found by its label.
    """
    lease = held()
    if lease is not None:
        driver = plugins.platform(
            lease.technology, lease.hypervisor, lease.plugins, lease.hypervisor_settings
        )
        if driver is not None:
            with contextlib.suppress(MachineSilentError):
                driver.stop(lease.instance)
    current_state().lease.unlink(missing_ok=True)
