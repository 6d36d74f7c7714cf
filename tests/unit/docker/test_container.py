"""What the image is made by: its linters, the versions and files that it names, and how it is called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = (ROOT / "docker" / "lines.py").read_text(encoding="utf-8")
TARGETS = ("cpu", "gpu", "inference")
ENGINE = """#!/bin/sh
[ "$1" != info ] || exit 0
printf '%s\\n' "$@" >"$SAID"
"""


def lint(*words: str | Path) -> None:
    done = subprocess.run([BIN / words[0], *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_has_nothing_to_say() -> None:
    lint("hadolint", "Dockerfile")


def test_the_compose_file_keeps_to_the_specification() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml")
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {service["build"]["target"] for service in services.values()} <= set(TARGETS)
    for service in services.values():
        assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
        assert {volume.rpartition(":")[2] for volume in service["volumes"]} == {
            f"/home/blueoil/{name}" for name in ("CamVid", "config", "saved")
        }


@pytest.mark.needs("docker-compose")
def test_compose_reads_its_file(tmp_path: Path) -> None:
    words = ["docker-compose", "-f", ROOT / "docker" / "compose.yaml", "--profile", "gpu", "--profile", "tensorboard"]
    environment = {**os.environ, "PWD": str(tmp_path)}
    done = subprocess.run(
        [*words, "config"], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)["services"]
    assert set(read) == {"blueoil", "blueoil-gpu", "tensorboard"}
    assert {service["build"]["target"] for service in read.values()} == {"cpu", "gpu"}
    assert done.stdout.count(str(tmp_path / "CamVid")) == 3, "the folders are those where it is called"


def test_the_targets_are_there_and_cpu_is_the_last() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    assert set(TARGETS) <= {name for _, name in stages}
    assert stages[-1] == ("cpu", "")


def test_uv_is_the_one_of_its_lock_file() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    (version,) = [package["version"] for package in locked if package["name"] == "uv"]
    assert f"ARG UV_VERSION={version}\n" in DOCKERFILE


def test_what_is_copied_reaches_the_engine() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    lines = re.findall(r"^COPY (?:--chmod=\S+ )?(?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in lines for source in line.split()]
    assert "docker/entrypoint" in sources and "uv.lock" in sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if f"!{source.split('/')[0]}" not in ignored] == []


def test_a_change_of_lmnet_or_blueoil_keeps_the_caches() -> None:
    (stage,) = re.findall(r"^FROM packages AS caches\n(.*?)^FROM", DOCKERFILE, re.DOTALL | re.MULTILINE)
    assert re.findall(r"^COPY (.*)$", stage, re.MULTILINE) == ["--from=tools /tools /", "dlk dlk", "docker/warm.py ./"]


def test_nothing_of_one_place_is_in_the_image() -> None:
    assert not re.search(r"https?://|proxy|index-url|\.crt|\.pem", DOCKERFILE, re.IGNORECASE)


def test_the_page_shows_the_lines_that_the_test_of_the_image_runs() -> None:
    page = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8")
    lines = re.findall(r'^[A-Z]+ = r"""(docker run .*?)"""', LINES, re.DOTALL | re.MULTILINE)
    shown = re.findall(r"^```sh\n(docker run .*?)\n```", page, re.DOTALL | re.MULTILINE)
    assert len(shown) == 6
    assert set(shown) <= set(lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what `make build` reads, no repository yet, and an engine that writes down how it was called."""
    (tmp_path / "checkout" / "docker").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "docker/build"):
        shutil.copy(ROOT / name, tmp_path / "checkout" / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(ENGINE)
    (tmp_path / "bin" / "docker").chmod(0o755)
    return tmp_path / "checkout"


def build(checkout: Path, *words: str) -> list[str]:
    """Run `make build` and return what the engine was given."""
    said = checkout.parent / "said"
    environment = {**os.environ, "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}", "SAID": str(said)}
    environment |= {"GIT_CEILING_DIRECTORIES": str(checkout.parent), "MAKEFLAGS": ""}
    subprocess.run(["make", "build", *words], cwd=checkout, env=environment, check=True, capture_output=True)
    return said.read_text().splitlines()


def git(checkout: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "tag.gpgsign=false", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *who, *words], cwd=checkout, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.needs("make", "git")
def test_make_build_names_the_image_as_the_tutorial_does(checkout: Path) -> None:
    def tag(*words: str) -> str:
        return build(checkout, *words)[4]

    user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert build(checkout) == ["build", "--target", "cpu", "--tag", f"blueoil_{user}:v{version}", "."]
    git(checkout, "init", "--quiet")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "first")
    first = git(checkout, "rev-parse", "--short", "HEAD")
    assert tag() == f"blueoil_{user}:{first}"
    git(checkout, "tag", "v0.20.0")
    git(checkout, "commit", "--quiet", "--allow-empty", "-m", "second")
    second = git(checkout, "rev-parse", "--short", "HEAD")
    assert tag("TARGET=gpu") == f"blueoil_{user}:v0.20.0-1-g{second}-gpu"
    (checkout / "Makefile").open("a").write("\n")
    assert tag("TARGET=inference") == f"blueoil_{user}:v0.20.0-1-g{second}-dirty-inference"


@pytest.mark.needs("make")
def test_a_bundle_of_certificates_is_a_secret(checkout: Path) -> None:
    assert build(checkout, "CA_BUNDLE=/etc/ca.crt")[1:3] == ["--secret", "id=ca,src=/etc/ca.crt"]


def test_no_engine_is_told(checkout: Path) -> None:
    (checkout.parent / "bin" / "docker").unlink()
    tools = [shutil.which(name) for name in ("dirname", "git", "id", "sed")]
    for tool in filter(None, tools):
        (checkout.parent / "bin" / Path(tool).name).symlink_to(tool)
    done = subprocess.run(
        ["/bin/sh", "docker/build"],
        cwd=checkout,
        env={"PATH": str(checkout.parent / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "none of docker, podman and buildah answers" in done.stderr
