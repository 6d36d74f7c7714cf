// Sums become floats, four channels of a pixel at a time.
#include <string.h>

#include "pieces.h"

namespace dlk {
namespace {

constexpr int kGroup = 4;      // sums of a word
constexpr int kChannels = 32;  // of a pass

typedef int16_t Sums __attribute__((vector_size(8)));
typedef float Floats __attribute__((vector_size(16)));

Floats load_four(const float* from) {
  Floats values;
  memcpy(&values, from, sizeof values);
  return values;
}

}  // namespace

void unpack_sums(const uint64_t* words, int32_t count, const float* scale, const float* bias, const Tensor& tensor) {
  const int64_t pixels = static_cast<int64_t>(tensor.height) * tensor.width;
  for (int first = 0; first < tensor.channels; first += kChannels) {
    float* to = static_cast<float*>(tensor.data) + first;
    const int channels = tensor.channels - first < kChannels ? tensor.channels - first : kChannels;
    for (int64_t pixel = 0; pixel < pixels; ++pixel, words += count, to += tensor.channels) {
      for (int c = 0; c < channels; c += kGroup) {
        Sums sums;
        memcpy(&sums, words + c / kGroup, sizeof sums);
        const Floats values =
            __builtin_convertvector(sums, Floats) * load_four(scale + first + c) + load_four(bias + first + c);
        const int left = channels - c < kGroup ? channels - c : kGroup;
        memcpy(to + c, &values, static_cast<size_t>(left) * sizeof(float));
      }
    }
  }
}

}  // namespace dlk
