# SPDX-License-Identifier: Apache-2.0
"""Wait until a service answers in its own protocol."""

from contextlib import suppress

from featherbench.contracts.bench import Bench
from featherbench.errors import CommandError, DeadlineError, InstanceError
from featherbench.services import http, kv, ping
from featherbench.system.polling import wait_until

ANSWERS = {"http": http.answers, "kv": kv.answers, "startup": ping.answers}
READY_WITHIN_S = 120.0
"""An emulated virtual machine takes a minute to boot; an instance that died fails at once."""
POLL_EVERY_S = 0.02


def wait_until_ready(bench: Bench, *, within_s: float = READY_WITHIN_S) -> None:
    """Wait until it answers. Raise InstanceDiedError once it is gone, InstanceError when late."""
    service = bench.under_test.service

    def ready() -> bool:
        answered = False
        with suppress(CommandError):  # a guest that is still starting drops packets
            answered = ANSWERS[service](bench)
        bench.require_running()  # even after an answer: the port may be another server's
        return answered

    try:
        wait_until(ready, what=service, within_s=within_s, every_s=POLL_EVERY_S)
    except DeadlineError as late:
        raise InstanceError(
            f"{bench.coordinates.platform} runs, but its {service} server did not answer within"
            f" {within_s:g} s: {bench.technology.diagnosis(bench.under_test)}",
            remedy="see the instance's log; check that no firewall drops its packets",
        ) from late
