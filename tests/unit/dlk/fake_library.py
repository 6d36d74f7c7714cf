"""A tiny real library with the classic interface: output[h, w, c] = input[h, w, c % 3] + c, compiled on the spot.

It computes on one thread; the number of threads that it is told is only kept. With ``threads=False`` it is as old as
libraries that cannot be told.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from dlk.build.toolchain import environment, zig

SOURCE = """
#include <stdint.h>
#define API extern "C" __attribute__((visibility("default")))
struct Network { bool ready; int threads; };
static Network the_network;
API Network* network_create() { return &the_network; }
API void network_delete(Network*) {}
API bool network_init(Network* n) { n->ready = true; return true; }
API int network_get_input_rank(Network*) { return 4; }
API int network_get_output_rank(Network*) { return 4; }
API void network_get_input_shape(Network*, int32_t* s) { s[0] = 1; s[1] = HEIGHT; s[2] = WIDTH; s[3] = 3; }
API void network_get_output_shape(Network*, int32_t* s) { s[0] = 1; s[1] = HEIGHT; s[2] = WIDTH; s[3] = CLASSES; }
API void network_run(Network*, void* input, void* output) {
  const float* x = static_cast<const float*>(input);
  float* y = static_cast<float*>(output);
  for (int p = 0; p < HEIGHT * WIDTH; ++p)
    for (int c = 0; c < CLASSES; ++c) y[p * CLASSES + c] = x[p * 3 + c % 3] + c * STEP;
}
API const char* dlk_last_error(const Network*) { return ""; }
#if THREADS
API bool network_set_threads(Network* n, int threads) { n->threads = threads; return threads < 60; }
API int32_t dlk_threads(const Network* n) { return n->threads; }
#endif
"""


def compile_fake(
    path: Path,
    *,
    height: int,
    width: int,
    classes: int,
    step: float = 0.25,
    threads: bool = True,
    triple: str = "x86_64-linux-gnu.2.17",
) -> Path:
    """Compile the fake network to ``path``; it refuses 60 threads or more, as one without memory for them would."""
    source = path.with_suffix(".cpp")
    path.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(SOURCE)
    defines = [
        f"-DHEIGHT={height}",
        f"-DWIDTH={width}",
        f"-DCLASSES={classes}",
        f"-DSTEP={step}f",
        f"-DTHREADS={threads:d}",
    ]
    flags = ["-target", triple, "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-nostdlib++", "-ffp-contract=off"]
    subprocess.run([zig(), "c++", *flags, *defines, source, "-o", path], env=environment(), check=True)
    source.unlink()
    return path
