# SPDX-License-Identifier: Apache-2.0

import pytest

from featherbench.errors import DeadlineError
from featherbench.system.polling import wait_until


def test_the_first_truthy_result_is_returned():
    results = iter([None, 0, "", "there", "later"])
    assert wait_until(lambda: next(results), what="it", within_s=5, every_s=0) == "there"


def test_a_condition_is_checked_once_even_without_time():
    assert wait_until(lambda: "there", what="it", within_s=0) == "there"


def test_a_condition_that_does_not_come_true_is_named_with_the_remedy():
    with pytest.raises(DeadlineError, match=r"the door: not within 0\.02 s") as late:
        wait_until(lambda: None, what="the door", within_s=0.02, remedy="knock")
    assert late.value.remedy == "knock"
