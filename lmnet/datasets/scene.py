"""One drawn street scene: an image and its exact mask, from nothing but a random generator.

Everything stands on a ground plane under one vanishing point. A depth ``t`` runs from 0 at the horizon to 1 at the
lower edge; heights and widths of things are proportional to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.canvas import SCALE, Canvas, Point, Rgb


def draw_scene(rng: np.random.Generator, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a street scene of ``size`` = (height, width).

    Args:
        rng: the scene is a function of its state.
        size: of the image, pixels.

    Returns:
        image RGB uint8 [H,W,3] and mask uint8 [H,W], values 0..10 in CamVid's order and VOID_INDEX.
    """
    scene = _Scene(rng, size)
    scene.sky()
    scene.ground()
    for side in (-1, 1):
        scene.buildings(side)
        if rng.random() < 0.5:
            scene.fence(side)
    scene.furnish()
    return scene.finish()


class _Scene(Canvas):
    """A street: where horizon, kerbs and vanishing point lie, and everything that stands there."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        super().__init__(rng, size)
        self.horizon = self.height * rng.uniform(0.36, 0.48)
        self.vanish = self.width * rng.uniform(0.38, 0.62)
        self.road_left = self.vanish - self.width * rng.uniform(0.35, 0.65)
        self.road_right = self.vanish + self.width * rng.uniform(0.35, 0.65)
        self.pavement = self.width * rng.uniform(0.22, 0.38)

    def ground_point(self, edge: float, t: float) -> Point:
        """Return the point at depth ``t`` of the line from the vanishing point to ``edge`` on the lower edge."""
        return self.vanish + (edge - self.vanish) * t, self.horizon + (self.height - self.horizon) * t

    def kerb(self, side: int) -> float:
        """Return where the edge of the road on a side (-1 left, 1 right) meets the lower edge of the picture."""
        return self.road_left if side < 0 else self.road_right

    def sky(self) -> None:
        """Fill everything with a sky that pales towards the horizon, with clouds."""
        choices = ((120, 165, 225), (185, 195, 205), (205, 190, 185), (150, 185, 225))
        top = np.array(self.shade(choices[self.rng.integers(len(choices))], 12), dtype=np.float64)
        rows = np.linspace(0, 1, self.height)[:, None, None]
        tones = top + (np.array([235, 235, 235]) - top) * np.clip(rows * 1.6, 0, 1)
        self.fill("sky", np.broadcast_to(tones, (self.height, self.width, 3)).astype(np.uint8))
        for _ in range(self.rng.integers(0, 4)):
            x, y = self.rng.uniform(0, self.width), self.rng.uniform(0, self.horizon * 0.7)
            radius = self.width * self.rng.uniform(0.05, 0.15)
            self.disc("sky", x, y, radius, radius * 0.25, self.shade((240, 240, 240), 6))

    def ground(self) -> None:
        """Draw pavements, road, markings and shadows."""
        apex = (self.vanish, self.horizon)
        stone = self.shade((172, 152, 138), 12)
        for side in (-1, 1):
            edge = self.kerb(side)
            self.polygon("pavement", [apex, (edge, self.height), (edge + side * self.width * 2, self.height)], stone)
        asphalt = self.shade((92, 92, 98), 10)
        self.polygon("road", [apex, (self.road_left, self.height), (self.road_right, self.height)], asphalt)
        for _ in range(self.rng.integers(0, 3)):
            t = self.rng.uniform(0.2, 1)
            dark: Rgb = (int(asphalt[0] * 0.7), int(asphalt[1] * 0.7), int(asphalt[2] * 0.72))
            corners = [
                (self.road_left, t),
                (self.road_right, t * 0.95),
                (self.road_right, t * 0.8),
                (self.road_left, t * 0.85),
            ]
            self.polygon("road", [self.ground_point(edge, depth) for edge, depth in corners], dark)
        middle = (self.road_left + self.road_right) / 2
        half = self.width * 0.012
        t = 0.1
        while t < 1:
            end = min(1.0, t * 1.25)
            dash = [(middle - half, t), (middle + half, t), (middle + half, end), (middle - half, end)]
            self.polygon("road", [self.ground_point(edge, depth) for edge, depth in dash], (214, 214, 206))
            t *= 1.6

    def buildings(self, side: int) -> None:
        """Draw a row of houses along a side, far ones first, with windows in perspective."""
        edge = self.kerb(side) + side * self.pavement
        palette = ((150, 92, 74), (186, 160, 126), (134, 126, 122), (164, 120, 98), (200, 186, 162))
        far = self.rng.uniform(0.03, 0.08)
        rise = self.height * self.rng.uniform(0.7, 1.3)
        while far < 1.6:
            near = far * self.rng.uniform(1.35, 1.9)
            if self.rng.random() < 0.85:
                tall = rise * self.rng.uniform(0.75, 1.25)
                color = self.shade(palette[self.rng.integers(len(palette))], 12)
                (x0, y0), (x1, y1) = self.ground_point(edge, far), self.ground_point(edge, near)
                self.polygon("building", [(x0, y0), (x1, y1), (x1, y1 - tall * near), (x0, y0 - tall * far)], color)
                self._windows((x0, y0, tall * far), (x1, y1, tall * near), color)
            far = near

    def _windows(self, far: tuple[float, float, float], near: tuple[float, float, float], wall: Rgb) -> None:
        """Draw windows on a wall between two upright edges, each given as x, lower end and height."""
        glass = self.shade((60, 70, 86), 10)
        frame: Rgb = (min(255, wall[0] + 30), min(255, wall[1] + 30), min(255, wall[2] + 30))
        color = glass if self.rng.random() < 0.8 else frame
        columns, floors = int(self.rng.integers(2, 5)), int(self.rng.integers(2, 5))

        def point(u: float, v: float) -> Point:
            x, y, tall = (a + (b - a) * u for a, b in zip(far, near, strict=True))
            return x, y - tall * v

        for i in range(columns):
            for j in range(floors):
                u0, u1 = (i + 0.25) / columns, (i + 0.75) / columns
                v0, v1 = (j + 0.3) / floors, (j + 0.75) / floors
                self.polygon("building", [point(u0, v0), point(u1, v0), point(u1, v1), point(u0, v1)], color)

    def fence(self, side: int) -> None:
        """Draw a fence with gaps of colour between its slats, along the outer edge of a pavement."""
        edge = self.kerb(side) + side * self.pavement * 0.85
        far = self.rng.uniform(0.15, 0.4)
        near = far * self.rng.uniform(1.6, 3.0)
        tall = self.height * self.rng.uniform(0.20, 0.28)
        light = self.shade((70, 96, 128), 10)
        dark: Rgb = (light[0] // 2, light[1] // 2, light[2] // 2)
        (x0, y0), (x1, y1) = self.ground_point(edge, far), self.ground_point(edge, near)
        self.polygon("fence", [(x0, y0), (x1, y1), (x1, y1 - tall * near), (x0, y0 - tall * far)], light)
        for i in range(14):
            a, b = i / 14, (i + 0.4) / 14
            xa, ya, ha = x0 + (x1 - x0) * a, y0 + (y1 - y0) * a, tall * (far + (near - far) * a)
            xb, yb, hb = x0 + (x1 - x0) * b, y0 + (y1 - y0) * b, tall * (far + (near - far) * b)
            self.polygon("fence", [(xa, ya), (xb, yb), (xb, yb - hb), (xa, ya - ha)], dark)

    def furnish(self) -> None:
        """Draw trees, posts, signs, vehicles and people, far ones first."""
        rng = self.rng
        things: list[tuple[float, str, float]] = []
        for name, most, depths in (
            ("tree", 4, (0.12, 0.8)),
            ("lamp", 3, (0.2, 0.75)),
            ("sign", 3, (0.25, 0.75)),
            ("car", 4, (0.15, 0.75)),
            ("pedestrian", 4, (0.2, 0.8)),
            ("bicyclist", 2, (0.25, 0.8)),
            ("bin", 1, (0.3, 0.7)),
        ):
            for _ in range(rng.integers(0 if name == "bin" else 1, most + 1)):
                things.append((rng.uniform(*depths), name, rng.uniform()))
        for t, name, where in sorted(things):
            getattr(self, f"_{name}")(t, where)

    def _beside(self, t: float, where: float, inner: float, outer: float) -> Point:
        """Return a point on one of the pavements; ``where`` 0..1 chooses side and distance from the kerb."""
        side = -1 if where < 0.5 else 1
        across = inner + (outer - inner) * ((where * 2) % 1)
        return self.ground_point(self.kerb(side) + side * self.pavement * across, t)

    def _tree(self, t: float, where: float) -> None:
        x, y = self._beside(t, where, 0.6, 1.1)
        tall = self.height * self.rng.uniform(0.55, 0.85) * t
        self.box("tree", x - tall * 0.04, y - tall * 0.5, x + tall * 0.04, y, self.shade((82, 62, 44), 8))
        leaf = self.shade((64, 104, 48), 14)
        for _ in range(12):
            dx, dy = self.rng.normal(0, 0.17, 2) * tall
            radius = tall * self.rng.uniform(0.10, 0.19)
            light = self.rng.uniform(0.7, 1.25)
            self.disc("tree", x + dx, y - tall * 0.72 + dy, radius, radius, self.shade([c * light for c in leaf], 6))

    def _lamp(self, t: float, where: float) -> None:
        x, y = self._beside(t, where, 0.08, 0.2)
        tall = self.height * self.rng.uniform(0.75, 0.95) * t
        half = max(self.width * 0.010 * t, SCALE * 0.5)
        grey = self.shade((58, 62, 60), 8)
        self.box("pole", x - half, y - tall, x + half, y, grey)
        toward = np.sign(self.vanish - x) or 1.0
        arm = sorted((x, x + toward * tall * 0.16))
        self.box("pole", arm[0], y - tall, arm[1], y - tall + half * 1.5, grey)

    def _sign(self, t: float, where: float) -> None:
        x, y = self._beside(t, where, 0.1, 0.3)
        tall = self.height * self.rng.uniform(0.40, 0.52) * t
        half = max(self.width * 0.008 * t, SCALE * 0.5)
        self.box("pole", x - half, y - tall, x + half, y, self.shade((98, 100, 102), 8))
        face = self.height * self.rng.uniform(0.055, 0.085) * t
        rim = self.shade(((214, 40, 44), (40, 84, 204), (230, 190, 40))[self.rng.integers(3)], 10)
        inside: Rgb = (236, 236, 232)
        if self.rng.random() < 0.6:
            self.disc("signsymbol", x, y - tall, face, face, rim)
            self.disc("signsymbol", x, y - tall, face * 0.6, face * 0.6, inside)
        else:
            self.box("signsymbol", x - face, y - tall - face, x + face, y - tall + face, rim)
            self.box("signsymbol", x - face * 0.6, y - tall - face * 0.3, x + face * 0.6, y - tall + face * 0.3, inside)

    def _car(self, t: float, where: float) -> None:
        lane = self.road_left + (self.road_right - self.road_left) * (0.12 + 0.76 * where)
        x, y = self.ground_point(lane, t)
        wide = self.width * self.rng.uniform(0.15, 0.19) * t
        tall = wide * self.rng.uniform(1.25, 1.5)
        body = self.shade(
            ((176, 28, 32), (30, 52, 128), (226, 226, 228), (34, 34, 38), (60, 120, 90))[self.rng.integers(5)], 12
        )
        tyre: Rgb = (24, 24, 26)
        self.darken(x, y, wide * 1.15, wide * 0.14, (44, 44, 48))
        for dx in (-0.8, 0.55):
            self.box("car", x + wide * dx, y - tall * 0.2, x + wide * (dx + 0.25), y, tyre)
        self.box("car", x - wide, y - tall * 0.62, x + wide, y - tall * 0.1, body)
        cabin = [(-0.8, 0.6), (-0.58, 1.0), (0.58, 1.0), (0.8, 0.6)]
        self.polygon("car", [(x + wide * dx, y - tall * dy) for dx, dy in cabin], body)
        glass = [(-0.62, 0.64), (-0.48, 0.92), (0.48, 0.92), (0.62, 0.64)]
        self.polygon("car", [(x + wide * dx, y - tall * dy) for dx, dy in glass], (150, 176, 192))
        lamp: Rgb = (250, 236, 170) if where < 0.5 else (220, 30, 30)
        for dx in (-0.9, 0.64):
            self.box("car", x + wide * dx, y - tall * 0.5, x + wide * (dx + 0.26), y - tall * 0.36, lamp)

    def _figure(self, name: str, x: float, y: float, tall: float) -> None:
        """Draw a standing body: legs, torso, arms and head."""
        coat = self.shade(
            ((196, 60, 60), (60, 70, 150), (70, 130, 80), (220, 170, 60), (90, 60, 110))[self.rng.integers(5)], 16
        )
        legs = self.shade((44, 46, 70), 10)
        skin = self.shade((206, 160, 132), 14)
        for dx in (-0.10, 0.03):
            self.box(name, x + tall * dx, y - tall * 0.48, x + tall * (dx + 0.08), y, legs)
        self.box(name, x - tall * 0.15, y - tall * 0.84, x + tall * 0.15, y - tall * 0.44, coat)
        self.disc(name, x, y - tall * 0.92, tall * 0.085, tall * 0.095, skin)

    def _pedestrian(self, t: float, where: float) -> None:
        x, y = self._beside(t, where, 0.2, 0.75)
        self._figure("pedestrian", x, y, self.height * self.rng.uniform(0.34, 0.40) * t)

    def _bicyclist(self, t: float, where: float) -> None:
        lane = self.road_left + (self.road_right - self.road_left) * (0.06 if where < 0.5 else 0.94)
        x, y = self.ground_point(lane, t)
        tall = self.height * self.rng.uniform(0.32, 0.38) * t
        radius = tall * 0.24
        for dx in (-1.1, 1.1):
            self.disc("bicyclist", x + radius * dx, y - radius, radius, radius, (26, 26, 28))
            self.disc("bicyclist", x + radius * dx, y - radius, radius * 0.6, radius * 0.6, (112, 112, 112))
        self.box("bicyclist", x - radius * 1.1, y - radius * 1.5, x + radius * 1.1, y - radius * 1.1, (190, 40, 40))
        self._figure("bicyclist", x, y - tall * 0.18, tall * 0.98)

    def _bin(self, t: float, where: float) -> None:
        x, y = self._beside(t, where, 0.3, 0.8)
        tall = self.height * 0.16 * t
        self.box("void", x - tall * 0.35, y - tall, x + tall * 0.35, y, self.shade((110, 60, 130), 12))
