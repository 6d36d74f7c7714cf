// One run: the steps in order, each by the function of the chosen instruction set.
#include <string.h>

#include "float_mode.h"
#include "network.h"

namespace dlk {

bool copy_input(const float* from, int64_t count, float* to) {
  constexpr uint32_t magnitude_bits = 0x7fffffffu;
  constexpr uint32_t least_normal = 0x00800000u;
  constexpr uint32_t too_large = (127u + 64u) << 23;  // 2^64
  uint32_t refused = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, from + i, sizeof bits);
    const uint32_t magnitude = bits & magnitude_bits;
    refused |= magnitude >= too_large;
    bits = magnitude < least_normal ? 0 : bits;
    memcpy(to + i, &bits, sizeof bits);
  }
  return !refused;
}

void execute(Network& network, float* output) {
  const FloatMode mode = enter_float_mode();
  network.tensors[kModel.output].data = output;
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    const Step& step = kModel.steps[i];
    const Tensor& result = network.tensors[step.output];
    if (network.timing) begin_step(network, i);
    network.isa->steps[i]({&step, &network.tensors[step.input], &result, &network.lists[i], network.scratch});
    if (network.timing) end_step(network, i);
    if (network.trace && result.bits) network.trace(step.name, &result, network.trace_user);
  }
  network.timed |= network.timing;
  leave_float_mode(mode);
}

}  // namespace dlk
