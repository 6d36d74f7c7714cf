"""A failed verification is told as a table before the error."""

from __future__ import annotations

import pytest

from blueoil.console import Console
from blueoil.report.conversion import telling_failures
from dlk.errors import VerificationError
from dlk.verify.equality import EqualityResult, LayerCount
from dlk.verify.rounding import RoundingResult
from dlk.verify.verification import Verification


def test_the_table_of_a_failed_verification_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rounding = RoundingResult(images=1, layers=(), agreement=1.0, first=None)
    broken = EqualityResult("x86 avx2", 1, (LayerCount("conv3", 1000, 7),), None, 0.1)
    error = VerificationError("the library differs")
    error.verification = Verification((broken,), (), rounding, 1.0)
    with pytest.raises(VerificationError), telling_failures(Console()):
        raise error
    line = next(line for line in capsys.readouterr().out.splitlines() if "x86 avx2" in line)
    assert line.split()[:5] == ["x86", "avx2", "1", "1,000", "7"]
