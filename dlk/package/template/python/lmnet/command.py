"""What the programs of this package share: their options, and how a mistake is told."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Callable, NoReturn

from lmnet.inference import THREADS_HELP, Model, UsageError, default_meta, default_model, read_meta

STOPPED = 130


class ArgumentParser(argparse.ArgumentParser):
    """Tells a wrong option as every other mistake is told: one sentence, status 1."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError in place of argparse's own exit with status 2."""
        raise UsageError(f"{message}; see --help")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add -m, -c and --threads."""
    parser.add_argument(
        "-m", "--model", "-l", type=Path, default=default_model(), help="library or graph [%(default)s]"
    )
    parser.add_argument("-c", "--config", type=Path, default=default_meta(), help="meta.yaml [%(default)s]")
    parser.add_argument("--threads", type=int, metavar="N", help=THREADS_HELP)


def open_model(options: argparse.Namespace) -> Model:
    """Return the model that the options name. Raises UsageError."""
    return Model(options.model, read_meta(options.config), threads=options.threads)


def carry_out(work: Callable[[], object], *, stopped: int = STOPPED) -> int:
    """Do the work and return the exit status: 0, 1 for what the user can mend, ``stopped`` after Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        work()
    except UsageError as error:
        logging.getLogger().error("error: %s", error)
        return 1
    except OSError as error:
        logging.getLogger().error("error: %s: %s", error.filename or "input or output", error.strerror or error)
        return 1
    except KeyboardInterrupt:
        logging.getLogger().error("stopped")
        return stopped
    return 0
