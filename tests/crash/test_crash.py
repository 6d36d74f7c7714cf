"""One of the kills of ``make crash-test``, and that a half-written checkpoint would be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_kills_lose_nothing() -> None:
    command = [sys.executable, HERE, "--short", "--seed", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    summary = json.loads(result.stdout.splitlines()[-1])
    assert summary["kills"] == 1
    assert summary["second_training_refused"]
    assert (summary["lost_checkpoints"], summary["half_written"], summary["failed_next_commands"]) == (0, 0, 0)


def test_what_is_half_written_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)
    from crash_state import whole_checkpoints

    checkpoint = tmp_path / "checkpoints" / "save.ckpt-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.keras").write_bytes(b"half")
    (checkpoint / "state.json").write_text(json.dumps({"sha256": "0" * 64, "step": 2}))
    with pytest.raises(AssertionError, match="half written"):
        whole_checkpoints(tmp_path)
    (tmp_path / "checkpoints" / "save.ckpt-2").rename(tmp_path / "checkpoints" / ".unfinished-save.ckpt-2")
    assert whole_checkpoints(tmp_path) == {}
    (tmp_path / "best").write_text("save.ckpt-2\n")
    with pytest.raises(AssertionError, match="best names"):
        whole_checkpoints(tmp_path)
