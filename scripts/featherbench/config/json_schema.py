# SPDX-License-Identifier: Apache-2.0
"""The JSON schema of the configuration, for editors; made from the models that check it.

It knows our own drivers. Once a configuration names `plugins`, other names are let through: what
a user's own drivers are called and take is checked when the workflow starts.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from featherbench import registry
from featherbench.config.models import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core.core_schema import ModelSchema

    from featherbench.contracts.technology import Technology
    from featherbench.contracts.workload import Workload
    from featherbench.registry import Kind

Json = dict[str, Any]
References = dict[object, Json]
"""By model: where its schema is among the definitions."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "The configuration of featherbench"
NULL: Json = {"type": "null"}


def _said_of_fields(model: type[BaseModel]) -> dict[str, str]:
    """Give the docstrings of a model's fields, those that it inherits included.

    pydantic can find them, too, but does so whenever a class is made: here it is done when a
    schema is, and not each time that a workflow starts.
    """
    models = [each for each in reversed(model.__mro__) if issubclass(each, BaseModel)]
    return {
        field: said
        for each in models
        if each is not BaseModel
        for field, said in _said_in(each).items()
    }


def _said_in(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except OSError:
        return {}  # made by a function of pydantic's, which was told the descriptions
    (definition,) = cast("list[ast.ClassDef]", ast.parse(source).body)
    return {
        field.target.id: inspect.cleandoc(str(said.value.value))
        for field, said in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant)
    }


class _ForPeople(GenerateJsonSchema):
    """Says what docstrings say; leaves out titles that are only the keys' names in capitals."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's
        return False

    def model_schema(self, schema: ModelSchema) -> Json:
        made = super().model_schema(schema)
        for field, said in _said_of_fields(schema["cls"]).items():
            made["properties"][field]["description"] = said
        return made


def _names(kind: Kind) -> list[str]:
    return sorted(registry.driver_files(kind))


def _workloads() -> dict[str, Workload]:
    return {name: registry.load("workloads", name) for name in _names("workloads")}


def _platforms() -> dict[str, Technology]:
    """Give what runs each technology on each host, by the platform's name."""
    return {
        f"{technology}-{hypervisor}": driver
        for technology in _names("technologies")
        for hypervisor in _names("hypervisors")
        if (driver := registry.platform(technology, hypervisor))
    }


def _workload(driver: Workload, references: References) -> Json:
    own: Json = {"settings": references[driver.Settings]}
    if not driver.sweeps:
        own |= {"concurrency": NULL, "load_generator": NULL}
    return {"anyOf": [{"$ref": "#/$defs/WorkloadConfig", "properties": own}, NULL]}


def _platform(name: str, driver: Technology, references: References) -> Json:
    networks = {"enum": list(driver.networks)}
    one_or_several = {"anyOf": [networks, {"type": "array", "items": networks}]}
    return {
        "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
        "then": {
            "properties": {"network": one_or_several, "settings": references[driver.Settings]}
        },
    }


def _hypervisors(references: References) -> Json:
    return {
        name: references[registry.load("hypervisors", name).Settings]
        for name in _names("hypervisors")
    }


def _known_load_generators() -> Iterator[tuple[str, Json]]:
    for service, workload in _workloads().items():
        if workload.sweeps:
            speaking = [
                g for g in _names("loadgens") if registry.load("loadgens", g).service == service
            ]
            yield service, {"properties": {"load_generator": {"enum": [*speaking, None]}}}


def _known_names() -> Json:
    """Say what names may be while there are no plugins."""
    technologies = _names("technologies")
    hypervisors = _names("hypervisors")
    platform = {"pattern": f"^({'|'.join(technologies)})-({'|'.join(hypervisors)})$"}
    return {
        "properties": {
            "platforms": {"items": {**platform, "properties": {"name": platform}}},
            "hypervisors": {"propertyNames": {"enum": hypervisors}},
            "workloads": {
                "propertyNames": {"enum": _names("workloads")},
                "properties": dict(_known_load_generators()),
            },
        }
    }


def _with_drivers(config: Mapping[str, Any], references: References) -> Json:
    properties = config["properties"]
    settings = [_platform(name, each, references) for name, each in _platforms().items()]
    own = {name: _workload(each, references) for name, each in _workloads().items()}
    platforms = {**properties["platforms"]["items"], "allOf": settings}
    return {
        **config,
        "properties": {
            **properties,
            "platforms": {**properties["platforms"], "items": platforms},
            "workloads": {**properties["workloads"], "properties": own},
            "hypervisors": {**properties["hypervisors"], "properties": _hypervisors(references)},
        },
        "if": {"required": ["plugins"]},
        "else": _known_names(),
    }


def _models() -> list[type[BaseModel]]:
    settings: list[type[BaseModel]] = [
        registry.load("hypervisors", name).Settings for name in _names("hypervisors")
    ]
    settings += [each.Settings for each in _workloads().values()]
    settings += [each.Settings for each in _platforms().values()]
    return list(dict.fromkeys([Config, *settings]))


def config_schema() -> str:
    """Give the schema of the configuration file as JSON text."""
    found, schema = models_json_schema(
        [(model, "validation") for model in _models()], schema_generator=_ForPeople
    )
    references: References = {model: reference for (model, _), reference in found.items()}
    definitions = schema["$defs"]
    config = _with_drivers(definitions.pop("Config"), references)
    whole = {"$schema": DIALECT, **config, "title": TITLE, "$defs": definitions}
    return json.dumps(whole, indent=2) + "\n"
