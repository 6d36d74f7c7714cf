"""Segment what a camera sees and show it in a browser: for boards without a screen.

    python motion_jpeg_server_from_camera.py                       # camera 0, at http://127.0.0.1:8080/
    python motion_jpeg_server_from_camera.py --host 0.0.0.0        # for every machine that reaches this one
    python motion_jpeg_server_from_camera.py --source synthetic    # a drawn street in place of the camera

Without --host only this machine can look: whoever reaches the port sees what the camera sees, without a password. From
another machine, `ssh -L 8080:127.0.0.1:8080 BOARD` there and http://127.0.0.1:8080/ in its browser keep it so.
A camera or video needs OpenCV beside the packages in requirements.txt.
Exit status: 0 ended by Ctrl-C, SIGTERM or --frames, 1 something given cannot be used, or the camera is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

try:
    from lmnet.command import ArgumentParser, add_model_options, carry_out, open_model
    from lmnet.inference import Model, UsageError
    from lmnet.live import Live
    from lmnet.sources import add_source_options, open_source
    from lmnet.web import Server
except ModuleNotFoundError as missing:
    wanted = Path(__file__).with_name("requirements.txt")
    sys.exit(f"error: the Python package {missing.name} is missing; {sys.executable} -m pip install -r {wanted}")

HOST, PORT = "127.0.0.1", 8080
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - only what the user asks for

logger = logging.getLogger("server")


def parse_arguments(arguments: list | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = ArgumentParser(description="Segment what a camera sees and show it in a browser.")
    add_model_options(parser)
    add_source_options(parser)
    parser.add_argument("--host", default=HOST, help="address to listen on; 0.0.0.0: all of them [%(default)s]")
    parser.add_argument("-p", "--port", type=int, default=PORT, help="0: a free one [%(default)s]")
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="end after N frames")
    options = parser.parse_args(arguments)
    if not 0 <= options.port < 65536:
        parser.error("--port takes a number from 0 to 65535")
    return options


def describe(model: Model, name: str) -> dict:
    """Return what the page is to know of the model."""
    colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in model.colors.tolist()]
    height, width = model.meta.size
    return {
        "model": name,
        "height": height,
        "width": width,
        "threads": model.threads,
        "classes": [{"name": name, "color": color} for name, color in zip(model.meta.classes, colors)],
    }


def listen(host: str, port: int, live: Live, description: dict) -> Server:
    """Return the server on its address. Raises UsageError."""
    try:
        return Server((host, port), live, description)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} is in use by another program; choose another with --port") from error
        if error.errno == errno.EACCES:
            raise UsageError(f"port {port} is for root only; choose one from 1024 on with --port") from error
        raise UsageError(f"{host} is no address of this machine ({error.strerror or error}); see --host") from error


@contextlib.contextmanager
def serving(server: Server) -> Iterator:
    """Answer clients for the time of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def serve(options: argparse.Namespace) -> None:
    """Serve until Ctrl-C, SIGTERM, the number of frames or the source's end. Raises UsageError."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open_model(options) as model:
        live = Live(model, open_source(options, again=True), most=options.frames)
        try:
            server = listen(options.host, options.port, live, describe(model, options.model.name))
            everywhere = options.host in EVERYWHERE
            name = "ADDRESS-OF-THIS-MACHINE" if everywhere else options.host
            name = f"[{name}]" if ":" in name else name
            logger.info("look at http://%s:%d/  Ctrl-C ends", name, server.server_port)
            if everywhere:
                logger.info("everybody who reaches this port sees what the camera sees")
            with serving(server):
                while not live.wait(1.0):
                    pass
        finally:
            live.close()
        if live.error is not None:
            raise live.error


def main(arguments: list | None = None) -> int:
    """Return the exit status of the program; Ctrl-C is the usual end."""
    return carry_out(lambda: serve(parse_arguments(arguments)), stopped=0)


if __name__ == "__main__":
    sys.exit(main())
