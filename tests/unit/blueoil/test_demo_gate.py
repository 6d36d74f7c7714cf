"""The demo's gate can fail."""

from __future__ import annotations

import pytest

from blueoil.commands import demo
from blueoil.errors import BlueoilError


def test_the_demo_wants_30_percent_and_twice_the_constant() -> None:
    demo._check(0.30, 0.10)
    demo._check(0.41, 0.20)
    with pytest.raises(BlueoilError, match="learned too little"):
        demo._check(0.299, 0.10)
    with pytest.raises(BlueoilError, match="learned too little") as caught:
        demo._check(0.39, 0.20)
    assert caught.value.expected == "a validation mIoU of at least 40.0 %"
    assert caught.value.exit_code == 1
