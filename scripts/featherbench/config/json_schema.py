# SPDX-License-Identifier: Apache-2.0
"""Makes the JSON schema of the configuration, for editors, from the models that check it.

It knows the drivers of this package. Once a configuration has `plugins`, the schema accepts other
names: names and settings of a user's own drivers are checked when the workflow starts.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core.core_schema import ModelSchema

from featherbench import registry
from featherbench.config.models import SWEPT_KEYS, Config
from featherbench.contracts.technology import Technology
from featherbench.contracts.workload import Workload
from featherbench.registry import Kind

Json = dict[str, Any]
References = dict[object, Json]
"""By model: where its schema is among the definitions."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "The configuration of featherbench"
NULL: Json = {"type": "null"}


def _descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's fields, including inherited fields.

    pydantic's own option for this reads the source whenever a class is created, which would slow
    down each start of the workflow.
    """
    descriptions: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except OSError:
            continue  # created by a function of pydantic, with descriptions
        (definition,) = cast("list[ast.ClassDef]", ast.parse(source).body)
        descriptions |= {
            field.target.id: inspect.cleandoc(str(docstring.value.value))
            for field, docstring in pairwise(definition.body)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant)
        }
    return descriptions


class _DescribedSchema(GenerateJsonSchema):
    """Adds descriptions from docstrings; omits titles, which would only repeat the keys."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's
        return False

    def model_schema(self, schema: ModelSchema) -> Json:
        json_schema = super().model_schema(schema)
        for field, description in _descriptions(schema["cls"]).items():
            json_schema["properties"][field]["description"] = description
        return json_schema


def _names(kind: Kind) -> list[str]:
    return sorted(registry.driver_files(kind))


def _workloads() -> dict[str, Workload]:
    return {name: registry.load("workloads", name) for name in _names("workloads")}


def _platforms() -> dict[str, Technology]:
    """Return what runs each technology on each hypervisor, by the platform's name."""
    return {
        f"{technology}-{hypervisor}": driver
        for technology in _names("technologies")
        for hypervisor in _names("hypervisors")
        if (driver := registry.platform(technology, hypervisor))
    }


def _workload(driver: Workload, references: References) -> Json:
    properties: Json = {"settings": references[driver.Settings]}
    if not driver.sweeps:
        properties |= dict.fromkeys(SWEPT_KEYS, NULL)
    return {"anyOf": [{"$ref": "#/$defs/WorkloadConfig", "properties": properties}, NULL]}


def _platform(name: str, driver: Technology, references: References) -> Json:
    networks = {"enum": list(driver.networks)}
    one_or_several = {"anyOf": [networks, {"type": "array", "items": networks}]}
    return {
        "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
        "then": {
            "properties": {"network": one_or_several, "settings": references[driver.Settings]}
        },
    }


def _settings_of_hypervisors() -> dict[str, type[BaseModel]]:
    return {name: registry.load("hypervisors", name).Settings for name in _names("hypervisors")}


def _known_load_generators() -> Iterator[tuple[str, Json]]:
    services = {name: registry.load("loadgens", name).services for name in _names("loadgens")}
    for service, workload in _workloads().items():
        if workload.sweeps:
            usable = [name for name in services if service in services[name]]
            yield service, {"properties": {"load_generator": {"enum": [*usable, None]}}}


def _known_names() -> Json:
    """Return the names that are valid without plugins."""
    technologies, hypervisors = _names("technologies"), _names("hypervisors")
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
    settings = [_platform(name, driver, references) for name, driver in _platforms().items()]
    workloads = {name: _workload(driver, references) for name, driver in _workloads().items()}
    platforms = {**properties["platforms"]["items"], "allOf": settings}
    hypervisors = {name: references[model] for name, model in _settings_of_hypervisors().items()}
    return {
        **config,
        "properties": {
            **properties,
            "platforms": {**properties["platforms"], "items": platforms},
            "workloads": {**properties["workloads"], "properties": workloads},
            "hypervisors": {**properties["hypervisors"], "properties": hypervisors},
        },
        "if": {"required": ["plugins"]},
        "else": _known_names(),
    }


def _models() -> list[type[BaseModel]]:
    settings: list[type[BaseModel]] = [driver.Settings for driver in _workloads().values()]
    settings += [driver.Settings for driver in _platforms().values()]
    return list(dict.fromkeys([Config, *_settings_of_hypervisors().values(), *settings]))


def config_schema() -> str:
    """Return the schema of the configuration file as JSON text."""
    models, schema = models_json_schema(
        [(model, "validation") for model in _models()], schema_generator=_DescribedSchema
    )
    references: References = {model: reference for (model, _), reference in models.items()}
    definitions = schema["$defs"]
    config = _with_drivers(definitions.pop("Config"), references)
    complete = {"$schema": DIALECT, **config, "title": TITLE, "$defs": definitions}
    return json.dumps(complete, indent=2) + "\n"
