# SPDX-License-Identifier: Apache-2.0
"""What a driver lets the user set."""

from typing import Any, Generic, get_args

from typing_extensions import TypeVar

from featherbench.user_input import UserInput


class DriverSettings(UserInput):
    """A driver's own keys of the configuration."""


SettingsT = TypeVar("SettingsT", bound=DriverSettings, default=Any)
"""A driver's class of settings; a contract that names none works with any."""


class Configurable(Generic[SettingsT]):
    """The base of a contract: a driver's class of settings is the parameter of its base class."""

    Settings: type[DriverSettings] = DriverSettings
    """The keys that a user may set."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in vars(cls).get("__orig_bases__", ()):
            for parameter in get_args(base):
                if isinstance(parameter, type) and issubclass(parameter, DriverSettings):
                    cls.Settings = parameter
