# SPDX-License-Identifier: Apache-2.0
"""Answers of LXD 5.0.2, captured; Incus and newer LXD add to them."""

import json
from types import SimpleNamespace

import pytest

from builders import DATA


@pytest.fixture(scope="session")
def captured():
    """Return a function that reads one answer."""

    def read(name):
        text = (DATA / "lxd" / name).read_text()
        return json.loads(text) if name.endswith(".json") else text

    return read


class ScriptedApi:
    """LXD's API as pylxd has it, with the `answers` to GET by path."""

    def __init__(self, answers, path=()):
        self.answers, self.path = answers, path

    def __getattr__(self, part):
        return self[part]

    def __getitem__(self, part):
        return ScriptedApi(self.answers, (*self.path, part))

    def get(self, **_):
        answer = self.answers.get("/".join(self.path))
        if answer is None:
            raise FileNotFoundError(self.path)
        return SimpleNamespace(json=lambda: {"metadata": answer}, text=answer)

    def post(self, **_):
        return SimpleNamespace(json=lambda: {"operation": "/1.0/operations/7"})


@pytest.fixture(scope="session")
def scripted_api():
    return ScriptedApi
