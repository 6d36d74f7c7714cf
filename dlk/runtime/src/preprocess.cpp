// Pre-processing of uint8 values by a table of 256 floats per image, in exactly the arithmetic of lmnet.processors.
#include <math.h>

#include "float_mode.h"
#include "network.h"

namespace dlk {
namespace {

void divide_by_255(float* table) {
  for (int v = 0; v < 256; ++v) table[v] = static_cast<float>(v / 255.0);
}

// (v - mean) / max(standard deviation, 1 / sqrt(count)): integer sums, float64, one rounding to float32 at the end.
void per_image_standardization(const uint8_t* values, int64_t count, float* table) {
  int64_t histogram[256] = {};
  for (int64_t i = 0; i < count; ++i) ++histogram[values[i]];
  int64_t sum = 0;
  int64_t squares = 0;
  for (int v = 0; v < 256; ++v) {
    sum += histogram[v] * v;
    squares += histogram[v] * v * v;
  }
  const double n = static_cast<double>(count);
  const double mean = static_cast<double>(sum) / n;
  const double difference = static_cast<double>(squares) / n - mean * mean;
  const double variance = difference > 0.0 ? difference : 0.0;
  const double deviation = __builtin_sqrt(variance);
  const double least = 1.0 / __builtin_sqrt(n);
  const double inverse = 1.0 / (deviation > least ? deviation : least);
  for (int v = 0; v < 256; ++v) table[v] = static_cast<float>((v - mean) * inverse);
}

}  // namespace

float preprocess(Preprocess kind, const uint8_t* values, int64_t count, float* to) {
  const FloatMode mode = enter_float_mode();
  float table[256];
  if (kind == Preprocess::kDivideBy255) {
    divide_by_255(table);
  } else {
    per_image_standardization(values, count, table);
  }
  for (int v = 0; v < 256; ++v) table[v] += 0.0f;  // -0 becomes +0
  float least = __builtin_inff();
  for (int v = 0; v < 256; ++v) {
    const float magnitude = __builtin_fabsf(table[v]);
    if (magnitude > 0.0f && magnitude < least) least = magnitude;
  }
  for (int64_t i = 0; i < count; ++i) to[i] = table[values[i]];
  leave_float_mode(mode);
  return least;
}

}  // namespace dlk
