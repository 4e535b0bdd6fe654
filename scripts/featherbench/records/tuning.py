# SPDX-License-Identifier: Apache-2.0
"""The tuning of client and server."""

from typing import Annotated

from pydantic import Field, field_validator

from featherbench.records.base import Record
from featherbench.user_input import MOST_INTEGER, SysctlName, SysctlValue, UserInput


class Tuning(UserInput, Record):
    """The paper's Table 3, set on the client's and the server's side and restored afterwards."""

    net_sysctls: dict[SysctlName, SysctlValue] = Field(
        default={
            "net.core.somaxconn": "1024",
            "net.ipv4.ip_local_port_range": "1024 65535",
            "net.ipv4.tcp_tw_reuse": "1",
            "net.ipv4.tcp_keepalive_time": "60",
            "net.ipv4.tcp_keepalive_intvl": "60",
        },
        json_schema_extra={"additionalProperties": False},
    )
    """Sysctls below `net.`, set on both sides. A given value replaces the whole default."""
    nofile: Annotated[int, Field(ge=64, le=1 << 30)] | None = 20000
    """Limit of open files of every server and load generator; null leaves it unchanged."""
    file_max: Annotated[int, Field(ge=1024, le=MOST_INTEGER)] | None = None
    """`fs.file-max` of the whole machine; null, the default, leaves it unchanged."""

    @field_validator(
        "net_sysctls", mode="before", json_schema_input_type=dict[SysctlName, SysctlValue | int]
    )
    @classmethod
    def _values_are_text(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: str(v) if type(v) is int else v for key, v in value.items()}
        return value
