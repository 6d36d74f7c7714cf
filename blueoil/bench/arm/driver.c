/* Runs the network once under an emulator that logs the code it executes.
 *
 * dlk_bench_step is empty: its address in the log separates the steps of the network. It is called before the first
 * step and, by the trace callback, after each that writes codes; their names are printed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dlk/dlk.h"

__attribute__((noinline)) void dlk_bench_step(void) { __asm__ volatile("" ::: "memory"); }

static void on_step(const char* name, const dlk_tensor* tensor, void* user) {
  (void)tensor, (void)user;
  puts(name);
  dlk_bench_step();
}

static size_t count(const int32_t* shape) {
  size_t values = 1;
  for (int i = 0; i < 4; ++i) values *= (size_t)shape[i];
  return values;
}

int main(void) {
  Network* const network = network_create();
  int32_t input_shape[4];
  int32_t output_shape[4];
  if (!network || dlk_init(network) != DLK_OK) return 1;
  network_get_input_shape(network, input_shape);
  network_get_output_shape(network, output_shape);
  float* const input = malloc(count(input_shape) * sizeof(float));
  float* const output = malloc(count(output_shape) * sizeof(float));
  if (!input || !output) return 1;
  for (size_t i = 0; i < count(input_shape); ++i) {
    input[i] = (float)((uint32_t)(i * 2654435761u) >> 8 & 0xffff) / 32768.0f - 1.0f;
  }
  if (dlk_set_trace(network, on_step, NULL) != DLK_OK) return 1;
  dlk_bench_step();
  const dlk_status status = dlk_run(network, input, output);
  network_delete(network);
  free(input);
  free(output);
  return status == DLK_OK ? 0 : 1;
}
