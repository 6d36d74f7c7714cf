"""Train on a machine that has nothing but this tree and its packages: from a packed dataset to the run folder.

    python tools/train_packed.py camvid.tar config/camvid.py -e run --minutes 50 [KEY=VALUE]...

The same command goes on with the run, as often as it is given; the last line says whether the run is finished. The
packed dataset is what `blueoil dataset pack` wrote, one file or parts of it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tree that this script lies in

from blueoil import cli
from blueoil.errors import BlueoilError
from lmnet.datasets import pack
from lmnet.errors import LmnetError


def main() -> int:
    """Return the exit code: 0 finished, or stopped by the clock; else that of `blueoil train`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path, help="packed dataset")
    parser.add_argument("config", help="config file; its paths are not read")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="values that win over the config's")
    parser.add_argument("-e", "--experiment_id", required=True, help="name of the run")
    parser.add_argument("--minutes", help="save and stop after them")
    parser.add_argument("--output_dir", default="saved", help="folder of all runs [saved]")
    parser.add_argument(
        "--unpacked", type=Path, default=Path(tempfile.gettempdir()), help="where to unpack [%(default)s]"
    )
    given = parser.parse_intermixed_args()
    try:
        folder = _unpacked(given.packed, given.unpacked)
    except (LmnetError, BlueoilError) as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - a script
        return error.exit_code
    paths = [f"train_path={folder}", f"validation_path={folder}"]
    limit = ["--minutes", given.minutes] if given.minutes else []
    run = ["-c", given.config, "-e", given.experiment_id, "--output_dir", given.output_dir]
    return cli.run(["train", *run, *limit, *given.overrides, *paths])


def _unpacked(packed: Path, where: Path) -> Path:
    """Return the folder of the dataset, named after its content: unpacked once, known again by a resumed run."""
    data = pack.read(packed)
    folder = where / f"dataset-{hashlib.sha256(data).hexdigest()[:16]}"
    if not folder.exists():
        pack.unpack(data, folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
