"""The option --devices of `train` and `resume`: a number, or all."""

from __future__ import annotations

import click

from core.config.configs import TrainConfig
from core.errors import SettingsError
from core.config.schema import check_values

ALL = "all"


def count(text: str) -> int:
    """The number of devices written so; `all` is 0, as the setting has it.

    Raises:
        SettingsError: it is none.
    """
    number = 0 if text == ALL else int(text) if text.isdecimal() and text.isascii() else -1
    if number < 0 or check_values(TrainConfig, {"devices": number}):
        raise SettingsError({"devices": f"must be a number of devices or all, is {text!r}"})
    return number


devices_option = click.option(
    "--devices", type=count, metavar="N|all", help="devices that train together"
)
