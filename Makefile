# `make demo` and `make test` do all their set-up: Python 3.11 to 3.13 and make are enough, root is not needed.

PYTHON ?= python3
BIN := .venv/bin
ADD := UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --frozen --inexact --compile-bytecode --python $(BIN)/python --extra cpu
CAMVID ?=
TARGET ?= cpu

.DEFAULT_GOAL := help
.PHONY: help demo build test test-devices test-image test-fpga smoke lint format docs fuzz crash-test bench bench-arm bench-train fpga-report
.PHONY: bitstream boot clean graph-test

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/ready  ## train, convert, verify and run on a small drawn dataset (CAMVID=DIR: on the real one)
	$(BIN)/blueoil demo $(if $(CAMVID),--camvid $(CAMVID))

test: .venv/ready lint  ## all tests
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

test-devices: .venv/ready  ## the package in the Python of Debian 11, 12, 13 and of an ARM board (mmdebstrap, qemu; 0.7 GB)
	$(BIN)/pytest -m downloads tests/unit/dlk/test_devices.py

test-fpga: .venv/ready  ## the whole LmSegnetV1Quantize on the simulated accelerator (CAMVID=DIR: on a real image)
	$(BIN)/pytest tests/fpga

build:  ## container image blueoil_$(id -un):VERSION, as `git describe` tells it (TARGET=gpu, inference: with that ending)
	docker/build $(TARGET)

test-image: .venv/ready  ## build the image and follow the tutorial inside of it; with docker, podman or buildah
	$(BIN)/python docker/test-image

graph-test: .venv/ready  ## the original's networks as its own files: converted, run on x86 and ARM; JSON as the last line
	$(BIN)/python tests/graphs

smoke: .venv/ready  ## the tests that need no TensorFlow, under five seconds
	$(BIN)/pytest tests/smoke

lint: .venv/ready  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files 'dlk/*.h' 'dlk/*.cpp' 'dlk/runtime/*.c' | xargs -r $(BIN)/clang-format --dry-run --Werror

format: .venv/ready  ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files 'dlk/*.h' 'dlk/*.cpp' 'dlk/runtime/*.c' | xargs -r $(BIN)/clang-format -i

docs: .venv/docs-ready  ## the site: docs/, and what the code says of itself, in build/docs
	$(BIN)/python -m blueoil.reference build/docs-source
	$(BIN)/sphinx-build -q -n -W --keep-going -c docs build/docs-source build/docs

fuzz: .venv/fuzz-ready  ## a million inputs over everything that reads what others wrote; JSON as the last line (FUZZ_RUNS=N)
	$(BIN)/python tests/fuzz $(if $(FUZZ_RUNS),--runs $(FUZZ_RUNS))

crash-test: .venv/ready  ## train and convert killed 100 times, disks full and read-only; JSON as the last line (KILLS=N)
	$(BIN)/python tests/crash $(if $(KILLS),--kills $(KILLS))

bench: .venv/bench-ready  ## our library beside LiteRT, onnxruntime and OpenVINO int8; JSON as the last line
	$(BIN)/python -m blueoil.bench

bench-arm: .venv/ready  ## speed on ARM cores, estimated by llvm-mca; JSON as the last line
	$(BIN)/python -m blueoil.bench.arm

bench-train: .venv/ready  ## share of a training step that quantizers and data take; JSON as the last line
	$(BIN)/python -m blueoil.bench.train

fpga-report: .venv/ready  ## cycles, stalls, area and fan-out of the accelerator; JSON as the last line
	$(BIN)/python -m blueoil.bench.fpga

bitstream:  ## FPGA image of the DE10-Nano, where Quartus Prime is installed: build/bitstream/soc_system.rbf
	dlk/hw/board/de10_nano/bitstream

boot:  ## boot files of the DE10-Nano from Debian's U-Boot source: build/boot (INSTALL=1: as root, get its tools)
	$(PYTHON) -m dlk.hw.board.de10_nano.boot $(if $(INSTALL),--install)

clean:  ## remove the environment and what demo and tests left
	rm -rf .venv demo .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# uv is installed into the environment it manages, so that nothing outside this folder changes.
.venv/ready: pyproject.toml uv.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --frozen --compile-bytecode --python $(BIN)/python --extra cpu
	touch $@

# The engines that only `make bench` runs are a few hundred megabytes that nothing else waits for.
.venv/bench-ready: .venv/ready
	$(ADD) --extra bench
	touch $@

.venv/docs-ready: .venv/ready
	$(ADD) --group docs
	touch $@

.venv/fuzz-ready: .venv/ready
	$(ADD) --extra fuzz
	touch $@

# JAX, Ray, qonnx and Sphinx: the tests that need them skip with their names without, and CI has them.
.venv/extras-ready: .venv/ready
	$(ADD) --extra jax --extra tune --extra qonnx --group docs --group video
	touch $@
