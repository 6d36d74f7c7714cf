// The network's input: subnormal values and -0 become +0; NaN, infinity and magnitudes of 2^64 or more are refused.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Copies `count` floats and returns the bits of the least magnitude that is not 0, those of infinity when all are 0; 0
// when a value is refused, and then the copy is of no use.
inline uint32_t import_floats(const float* from, int64_t count, float* to) {
  constexpr uint32_t least_normal = 0x00800000u;
  constexpr uint32_t too_large = (127u + 64u) << 23;  // 2^64
  constexpr uint32_t infinity = 0x7f800000u;
  Words refused = {};
  Words least = Words{} + infinity;
  const auto take = [&](Words bits) {
    const Words magnitude = bits & 0x7fffffffu;
    const Words normal = (Words)(magnitude >= least_normal);
    refused |= (Words)(magnitude >= too_large);
    const Words smaller = (Words)(magnitude < least) & normal;
    least = (magnitude & smaller) | (least & ~smaller);
    return bits & normal;
  };
  int64_t i = 0;
  for (; i + kWords <= count; i += kWords) store(to + i, take(load<Words>(from + i)));
  for (; i < count; ++i) {
    Words bits = {};
    memcpy(&bits, from + i, sizeof(float));
    bits = take(bits);
    memcpy(to + i, &bits, sizeof(float));
  }
  uint32_t result = infinity;
  for (int lane = 0; lane < kWords; ++lane) {
    if (refused[lane]) return 0;
    if (least[lane] < result) result = least[lane];
  }
  return result;
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
