// The network's input: subnormal values and -0 become +0; NaN, infinity and magnitudes of 2^64 or more are refused.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Copies `count` floats. False when one is refused; the copy is of no use then.
inline bool import_floats(const float* from, int64_t count, float* to) {
  constexpr uint32_t least_normal = 0x00800000u;
  constexpr uint32_t too_large = (127u + 64u) << 23;  // 2^64
  Words refused = {};
  int64_t i = 0;
  const auto take = [&](Words bits) {
    const Words magnitude = bits & 0x7fffffffu;
    refused |= (Words)(magnitude >= too_large);
    return bits & (Words)(magnitude >= least_normal);
  };
  for (; i + kWords <= count; i += kWords) store(to + i, take(load<Words>(from + i)));
  for (; i < count; ++i) {
    Words bits = {};
    memcpy(&bits, from + i, sizeof(float));
    bits = take(bits);
    memcpy(to + i, &bits, sizeof(float));
  }
  for (int lane = 0; lane < kWords; ++lane) {
    if (refused[lane]) return false;
  }
  return true;
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
