"""Text files that people write: any line ending, a byte order mark, stray blanks."""

from __future__ import annotations

from pathlib import Path

from lmnet.datasets.problems import Problems


def read_lines(path: Path, kind: str, problems: Problems) -> list[str] | None:
    """Return the lines of a UTF-8 text file without surrounding blanks, or None and a problem of ``kind``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problems.add(kind, path, "there is no such file")
    except OSError as error:
        problems.add(kind, path, f"it cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        problems.add(kind, path, f"it is not UTF-8 text (byte {error.start}); save it as UTF-8")
    else:
        if "\0" not in text:
            return [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        problems.add(kind, path, "it holds zero bytes, so it is no text")
    return None
