"""From Debian's U-Boot source to the files that go onto the card. Each appears only when it is whole and checked."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlk.build.jobs import default_jobs
from dlk.build.process import run_logged
from dlk.hw.board.de10_nano.boot import device_tree, source
from dlk.hw.board.de10_nano.boot.preloader import check_preloader, check_with_u_boot
from dlk.hw.board.de10_nano.boot.script import check_script

logger = logging.getLogger("boot")
SCRIPT = Path(__file__).parents[1] / "boot.cmd"
DEFCONFIG = "socfpga_de10_nano_defconfig"
BASE_TREE = "arch/arm/dts/socfpga_cyclone5_de10_nano.dtb"
BUILD_SECONDS = 3600.0
# The day of the release, so that two builds of one source give the same bytes.
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",  # Debian's python3, for which python3-dev has the headers
    "LC_ALL": "C",
    "SOURCE_DATE_EPOCH": "1673222400",
    "CROSS_COMPILE": "arm-linux-gnueabihf-",
}
OFFER = """\
preloader-mkpimage.bin, u-boot-with-spl.sfp and soc_system.dtb are made from Das U-Boot, licence {licence},
Debian source package {name} {version}, sha256 of its .dsc
{digest}, unchanged.
The whole source lies in source/; it came from
{mirrors}
Whoever gives these files to others gives the source with them, or a written offer of it (GPL-2.0, section 3).
Built by: python3 -m dlk.hw.board.de10_nano.boot
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where the files come from and go to. ``base``: a device tree other than U-Boot's, or None."""

    folder: Path
    base: Path | None = None

    def run(self) -> Sequence[Path]:
        """Return the files for the card, in the order of ``docs/fpga.md``. Raises DlkError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        u_boot = self._build(self._unpack())
        preloader = self._keep(u_boot / "spl/u-boot-splx4.sfp", "preloader-mkpimage.bin")
        whole = self._keep(u_boot / "u-boot-with-spl.sfp", "u-boot-with-spl.sfp")
        return [preloader, whole, self._tree(self.base or u_boot / BASE_TREE), self._script(u_boot), self._offer()]

    def _unpack(self) -> Path:
        package = source.U_BOOT
        logger.info(
            "Das U-Boot, Debian source package %s %s, %.1f MB, licence %s.\n"
            "Its source stays in %s and belongs to the binaries: see SOURCE.txt there.",
            *(package.name, package.version, package.megabytes, package.licence, self.folder),
        )
        dsc = source.fetch(package, self.folder / "source")
        target = self.folder / f"{package.name}-{package.version}"
        if not target.exists():
            part = target.with_name(target.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            self._logged(["dpkg-source", "--no-check", "--extract", str(dsc), str(part)], "U-Boot was not unpacked")
            part.rename(target)
        return target

    def _build(self, u_boot: Path) -> Path:
        jobs = f"-j{default_jobs()}"
        logger.info("building U-Boot, about 80 s on one core; log: %s", self._log)
        for goal in (DEFCONFIG, "all"):
            self._logged(["make", "-C", str(u_boot), jobs, goal], "U-Boot was not built")
        return u_boot

    def _keep(self, built: Path, name: str) -> Path:
        check = check_preloader if name.startswith("preloader") else check_with_u_boot
        check(built.read_bytes())
        part = self.folder / f"{name}.part"
        shutil.copyfile(built, part)
        return part.replace(self.folder / name)

    def _tree(self, base: Path) -> Path:
        overlay, part = self.folder / "overlay.dtbo", self.folder / "soc_system.dtb.part"
        device_tree.compile_overlay(overlay)
        device_tree.apply_overlay(base, overlay, part)
        device_tree.check_tree(part)
        return part.replace(self.folder / "soc_system.dtb")

    def _script(self, u_boot: Path) -> Path:
        part = self.folder / "boot.scr.part"
        form = ["-A", "arm", "-T", "script", "-C", "none", "-n", "DE10-Nano with the accelerator"]
        command = [str(u_boot / "tools/mkimage"), *form, "-d", str(SCRIPT), str(part)]
        self._logged(command, "The boot script was not packed")
        check_script(part.read_bytes())
        return part.replace(self.folder / "boot.scr")

    def _offer(self) -> Path:
        package = source.U_BOOT
        path = self.folder / "SOURCE.txt"
        path.write_text(
            OFFER.format(
                licence=package.licence,
                name=package.name,
                version=package.version,
                digest=package.dsc_sha256,
                mirrors="\n".join(package.mirrors),
            ),
            encoding="utf-8",
        )
        return path

    @property
    def _log(self) -> Path:
        return self.folder / "build.log"

    def _logged(self, command: Sequence[str], what: str) -> None:
        environment = {**ENVIRONMENT, "HOME": os.environ.get("HOME", "/")}
        fix = f"read {self._log}; a fresh start: rm -r {self.folder}"
        run_logged(command, log=self._log, environment=environment, timeout=BUILD_SECONDS, what=what, fix=fix)
