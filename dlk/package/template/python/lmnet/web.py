"""The live view over HTTP: a page, the pictures as a Motion JPEG stream or one by one, and numbers as JSON."""

from __future__ import annotations

import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import urlsplit

from lmnet.live import Live, View

PAGE = Path(__file__).with_name("camera_page.html")
BOUNDARY = "frame"
MOST_STREAMS = 8
PATIENCE = 10.0  # seconds for a client that takes nothing, and for a first picture


class Server(ThreadingHTTPServer):
    """Serves one Live to several clients, each in a thread that ends with the program."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple, live: Live, description: dict) -> None:
        """Take the address. Raises OSError. description: what the page is to know of the model, plain values."""
        self.live = live
        self.description = description
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind, but ask no name server who we are, as HTTPServer would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away is no fault, and every other is told where it arises."""


class Handler(BaseHTTPRequestHandler):
    """One client."""

    timeout = PATIENCE
    server_version = "Blueoil"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer; see ANSWERS."""
        answer = ANSWERS.get(urlsplit(self.path).path)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            answer(self)

    def page(self) -> None:
        """Send the page, which brings everything with it."""
        self._send("text/html; charset=utf-8", PAGE.read_bytes())

    def model(self) -> None:
        """Send what the model is: its classes with their colours, size, threads."""
        self._send("application/json", json.dumps(self.server.description).encode())

    def status(self) -> None:
        """Send the numbers of the newest view."""
        view = self.server.live.after(0, 0)
        values = {"frames": 0} if view is None else _numbers(view)
        self._send("application/json", json.dumps(values).encode())

    def snapshot(self) -> None:
        """Send the newest picture."""
        view = self.server.live.after(0, PATIENCE)
        if view is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "no picture yet")
        else:
            self._send("image/jpeg", view.jpeg)

    def stream(self) -> None:
        """Send the newest picture whenever the client has taken the one before."""
        if not self.server.streams.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_STREAMS} clients are looking already")
            return
        try:
            self._headers(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            number = 0
            while not self.server.live.ended:
                view = self.server.live.after(number, PATIENCE)
                if view is None:
                    continue
                number = view.number
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(view.jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + view.jpeg + b"\r\n")
        except OSError:
            self.close_connection = True  # the client went away, or takes nothing any more
        finally:
            self.server.streams.release()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""

    def _send(self, kind: str, body: bytes) -> None:
        self._headers(kind, length=len(body))
        self.wfile.write(body)

    def _headers(self, kind: str, *, length: int | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")  # no other site shows this camera
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()


ANSWERS = {
    "/": Handler.page,
    "/model": Handler.model,
    "/status": Handler.status,
    "/snapshot.jpg": Handler.snapshot,
    "/stream.mjpg": Handler.stream,
}


def _numbers(view: View) -> dict:
    return {
        "frames": view.number,
        "fps": round(view.rate, 2),
        "network_ms": round(view.network * 1000, 2),
        "height": view.size[0],
        "width": view.size[1],
        "shares": view.shares,
    }
