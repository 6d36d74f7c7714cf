"""The lines that docs/docker.md shows, as printed there, and those that `make test-image` runs around them."""

from __future__ import annotations

SAMPLE = r"""docker run --rm \
    -v $(pwd)/CamVid:/home/blueoil/CamVid \
    blueoil_$(id -un):{TAG} \
    blueoil dataset sample CamVid --train 48 --validation 12 --size 96x128"""
INIT = r"""docker run --rm -it \
    -v $(pwd)/CamVid:/home/blueoil/CamVid \
    -v $(pwd)/config:/home/blueoil/config \
    blueoil_$(id -un):{TAG} \
    blueoil init -o config/camvid.py"""
TRAIN = r"""docker run --rm \
    -e CUDA_VISIBLE_DEVICES=0 \
    -v $(pwd)/CamVid:/home/blueoil/CamVid \
    -v $(pwd)/config:/home/blueoil/config \
    -v $(pwd)/saved:/home/blueoil/saved \
    blueoil_$(id -un):{TAG} \
    blueoil train -c config/camvid.py"""
TENSORBOARD = r"""docker run --rm \
    -p 6006:6006 \
    -v $(pwd)/saved:/home/blueoil/saved \
    blueoil_$(id -un):{TAG} \
    tensorboard --logdir=saved/{MODEL_NAME}"""
CONVERT = r"""docker run --rm \
    -e CUDA_VISIBLE_DEVICES=0 \
    -e OUTPUT_DIR=/home/blueoil/saved \
    -v $(pwd)/saved:/home/blueoil/saved \
    blueoil_$(id -un):{TAG} \
    blueoil convert -e {MODEL_NAME}"""
RUN = r"""docker run --rm \
    -v $(pwd)/CamVid:/home/blueoil/CamVid:ro \
    -v $(pwd)/{OUTPUT}:/home/blueoil/output \
    -w /home/blueoil/output/python \
    {INFERENCE} \
    python run.py -i ../../CamVid/val -m ../models/lib/libdlk_x86.so -c ../models/meta.yaml"""

# Shown nowhere.
SMALL = "--train 8 --validation 4 --size 48x64"
INTERRUPTED = f"{TRAIN} -e interrupted max_steps=100 summarise_steps=1"
GO_ON = TRAIN.replace("-c config/camvid.py", "-e interrupted")
CONVERT_FOR_BOARD = CONVERT.replace("-v ", "-v $(pwd)/build:/home/blueoil/build -v ", 1) + " --target x86,arm,fpga"
PAGE = r"""docker run --rm \
    -v $(pwd)/page:/home/blueoil/page \
    -w /home/blueoil/page \
    blueoil_$(id -un):{TAG} \
    sh -e lines.sh"""
SELF_TEST = RUN.partition("python run.py")[0] + "python run.py --self-test"
WHO = r"""docker run --rm --user 5001:5002 -e CUDA_VISIBLE_DEVICES=7 blueoil_$(id -un):{TAG} \
    sh -c 'id -u; printenv CUDA_VISIBLE_DEVICES'"""
