"""A street that is driven along, drawn picture by picture: a camera for machines that have none."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

SKY, STONE, ASPHALT, PAINT = (150, 185, 225), (172, 152, 138), (92, 92, 98), (214, 214, 206)
WALLS = ((150, 92, 74), (186, 160, 126), (134, 126, 122), (164, 120, 98), (200, 186, 162))
COATS = ((196, 60, 60), (60, 70, 150), (70, 130, 80), (220, 170, 60))
BODIES = ((176, 28, 32), (30, 52, 128), (226, 226, 228), (60, 120, 90))
GLASS, WINDSCREEN, LEAF, TRUNK = (60, 70, 86), (150, 176, 192), (64, 104, 48), (82, 62, 44)
LEGS, SKIN, TYRE, POST, SIGN = (44, 46, 70), (206, 160, 132), (24, 24, 26), (58, 62, 60), (214, 40, 44)

SPEED = 0.06  # along the street a picture; distance 1 is the lower edge of the picture
FARTHEST = 16.0
SPACING = {"house": 1.6, "dash": 0.8, "tree": 3.4, "lamp": 4.6, "car": 5.2, "person": 2.9, "sign": 7.3}
LENGTH = {"house": 1.5, "dash": 0.35}
OWN_SPEED = {"car": 0.03, "person": 0.008}


def street(number: int, size: tuple = (360, 480)) -> np.ndarray:
    """Return picture ``number``, from 0 on, of the drive as RGB uint8 [H,W,3]; size: (height, width)."""
    return np.asarray(_Picture(number, size).draw(), dtype=np.uint8)


class _Picture:
    """A flat ground under one vanishing point: heights and widths are divided by the distance."""

    def __init__(self, number: int, size: tuple) -> None:
        self.number = number
        self.height, self.width = size
        self.horizon = self.height * 0.42
        self.vanish = self.width * (0.5 + 0.05 * math.sin(number / 60))
        self.picture = Image.new("RGB", (self.width, self.height), SKY)
        self.pen = ImageDraw.Draw(self.picture)

    def draw(self) -> Image.Image:
        """Draw the ground, then what stands on it, far before near."""
        for edge, color in ((2.6, STONE), (0.75, ASPHALT)):
            corners = [(self.vanish, self.horizon), self.point(-edge, 0.5), self.point(edge, 0.5)]
            self.pen.polygon(corners, fill=color)
        for _, distance, kind, count in sorted(self.ahead(), reverse=True):
            getattr(self, f"_{kind}")(distance, count)
        return self.picture

    def ahead(self) -> list:
        """Return (far end, distance, kind, running number) of everything between the camera and the horizon."""
        found = []
        for kind, spacing in SPACING.items():
            travelled = self.number * (SPEED - OWN_SPEED.get(kind, 0.0)) + 0.37 * len(kind)
            first = math.floor(travelled / spacing) + 1
            for count in range(first, first + int(FARTHEST / spacing)):
                distance = count * spacing - travelled + 0.45
                found.append((distance + LENGTH.get(kind, 0.0), distance, kind, count))
        return found

    def point(self, across: float, distance: float, up: float = 0.0) -> tuple:
        """Return the pixel of a place: ``across`` in half widths from the middle, ``up`` in heights of the ground."""
        ground = self.height - self.horizon
        x = self.vanish + across * self.width / 2 / distance
        return x, self.horizon + ground * (1 - up) / distance

    def _box(self, across: float, distance: float, half: float, low: float, high: float, color: tuple) -> None:
        """Draw an upright rectangle that faces the camera."""
        left, lower = self.point(across - half, distance, low)
        right, upper = self.point(across + half, distance, high)
        self.pen.rectangle((left, upper, max(right, left), max(lower, upper)), fill=color)

    def _disc(self, across: float, distance: float, radius: float, up: float, color: tuple) -> None:
        x, y = self.point(across, distance, up)
        size = radius * self.width / 2 / distance
        self.pen.ellipse((x - size, y - size, x + size, y + size), fill=color)

    def _wall(self, side: float, near: float, far: float, low: float, high: float, color: tuple) -> None:
        """Draw a rectangle along the street."""
        self.pen.polygon(
            [self.point(side, d, up) for d, up in ((near, low), (far, low), (far, high), (near, high))], fill=color
        )

    def _dash(self, distance: float, count: int) -> None:
        corners = ((-0.02, 0.0), (0.02, 0.0), (0.02, LENGTH["dash"]), (-0.02, LENGTH["dash"]))
        self.pen.polygon([self.point(across, distance + more) for across, more in corners], fill=PAINT)

    def _house(self, distance: float, count: int) -> None:
        for side in (-1, 1):
            key = count * 2 + side
            high = 1.9 + 0.5 * (key * 7 % 5) / 4
            self._wall(side * 1.25, distance, distance + LENGTH["house"], 0.0, high, WALLS[key % len(WALLS)])
            for floor in range(3):
                for column in range(3):
                    start = distance + 0.2 + 0.42 * column
                    self._wall(side * 1.25, start, start + 0.22, 0.4 + 0.5 * floor, 0.7 + 0.5 * floor, GLASS)

    def _tree(self, distance: float, count: int) -> None:
        across = 1.08 * (-1) ** count
        self._box(across, distance, 0.03, 0.0, 0.8, TRUNK)
        for dx, up, radius in ((0.0, 1.3, 0.22), (-0.14, 1.05, 0.17), (0.14, 1.05, 0.17), (0.03, 0.9, 0.18)):
            self._disc(across + dx, distance, radius, up, LEAF)

    def _lamp(self, distance: float, count: int) -> None:
        side = (-1) ** count
        self._box(side * 0.83, distance, 0.012, 0.0, 1.7, POST)
        self._box(side * 0.76, distance, 0.07, 1.66, 1.7, POST)

    def _sign(self, distance: float, count: int) -> None:
        across = 0.9 * (-1) ** count
        self._box(across, distance, 0.01, 0.0, 0.95, POST)
        self._disc(across, distance, 0.09, 0.95, SIGN)
        self._disc(across, distance, 0.055, 0.95, (236, 236, 232))

    def _car(self, distance: float, count: int) -> None:
        across = 0.38 * (-1) ** count
        for dx in (-0.2, 0.2):
            self._box(across + dx, distance, 0.05, 0.0, 0.12, TYRE)
        color = BODIES[count % len(BODIES)]
        self._box(across, distance, 0.27, 0.07, 0.38, color)
        self._box(across, distance, 0.2, 0.38, 0.6, color)
        self._box(across, distance, 0.16, 0.41, 0.57, WINDSCREEN)
        for dx in (-0.21, 0.21):
            self._box(across + dx, distance, 0.04, 0.24, 0.32, (220, 30, 30))

    def _person(self, distance: float, count: int) -> None:
        across = (0.95 + 0.06 * (count % 3)) * (-1) ** (count // 2)
        for dx in (-0.03, 0.03):
            self._box(across + dx, distance, 0.02, 0.0, 0.36, LEGS)
        self._box(across, distance, 0.065, 0.34, 0.68, COATS[count % len(COATS)])
        self._disc(across, distance, 0.045, 0.76, SKIN)
