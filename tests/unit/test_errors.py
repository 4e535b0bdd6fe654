# SPDX-License-Identifier: Apache-2.0

from featherbench.errors import ErrorHint, ImageError, InstanceError, find_hint, refusal

HINTS = (
    ErrorHint(r"no space left", "make room"),
    ErrorHint(r"no such image", "build it", error=ImageError),
)


def refused(message):
    return refusal("start", message, InstanceError, program="the engine", hints=HINTS)


def test_a_known_phrase_has_a_remedy_whatever_its_case():
    error = refused("write: No Space Left on device")
    assert (error.message, error.remedy) == ("start: write: No Space Left on device", "make room")
    assert type(error) is InstanceError


def test_a_hint_may_stand_for_a_special_error():
    assert type(refused("no such image: x")) is ImageError


def test_an_unknown_phrase_is_passed_on():
    error = refused("boom")
    assert (error.message, error.remedy) == ("start: the engine refused: boom", "")


def test_the_first_hint_counts():
    assert find_hint(HINTS, "no such image, no space left").remedy == "make room"
    assert find_hint(HINTS, "all is well") is None
