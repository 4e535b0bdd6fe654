# SPDX-License-Identifier: Apache-2.0
"""The JSON schema of the configuration, for editors; made from the models that check it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from featherbench import plugins
from featherbench.config import Config

if TYPE_CHECKING:
    from pydantic import BaseModel

Json = dict[str, Any]


def _settings_schema(model: type[BaseModel]) -> Json:
    return model.model_json_schema(mode="validation")


def _of_workloads(base: Json) -> Json:
    known = {
        name: {
            "anyOf": [
                {
                    "allOf": [
                        {"$ref": "#/$defs/WorkloadConfig"},
                        {"properties": {"settings": _settings_schema(driver.Settings)}},
                    ]
                },
                {"type": "null"},
            ]
        }
        for name in sorted(plugins.driver_files("workloads"))
        for driver in [plugins.workload(name)]
    }
    return {**base, "properties": known}


def _of_platforms(base: Json) -> Json:
    settings = [
        {
            "if": {"properties": {"name": {"pattern": f"^{name}-"}}, "required": ["name"]},
            "then": {
                "properties": {"settings": _settings_schema(plugins.technology(name).Settings)}
            },
        }
        for name in sorted(plugins.driver_files("platforms"))
    ]
    full = {"allOf": [{"$ref": "#/$defs/PlatformConfig"}, *settings]}
    name = {"type": "string", "pattern": "^[a-z0-9]+-[a-z0-9]+$"}
    return {**base, "items": {"anyOf": [name, full]}}


def config_schema() -> str:
    """Give the schema of the configuration file as JSON text."""
    schema = Config.model_json_schema(mode="validation")
    properties = schema["properties"]
    properties["workloads"] = _of_workloads(properties["workloads"])
    properties["platforms"] = _of_platforms(properties["platforms"])
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
