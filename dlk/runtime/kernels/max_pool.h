// The largest code of a window. Padding has code 0, which never wins.
#pragma once

#include "taps.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Puts the larger code into `best`, pixel by pixel.
template <int Bits>
DLK_INLINE void keep_larger(Vec (&best)[Bits], const Vec (&other)[Bits]) {
  Vec larger = Vec{};
  for (int b = 0; b < Bits; ++b) larger = majority(larger, other[b], ~best[b]);  // a borrow, from the lowest bit
  for (int b = 0; b < Bits; ++b) best[b] ^= (best[b] ^ other[b]) & larger;
}

template <int Bits>
struct MaxPool {
  static int64_t items(const StepCall& call) { return call.output->channels; }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& input = *call.input;
    const Tensor& output = *call.output;
    const Step& step = *call.step;
    const int64_t tile_count = tiles(output);
    for (int channel = static_cast<int>(first); channel < last; ++channel) {
      uint64_t* const to = plane_of(output, channel, 0);
      for (int64_t tile = 0; tile < tile_count; ++tile) {
        Vec best[Bits] = {};
        for (int t = 0; t < step.tap_count; ++t) {
          const Tap& way = step.taps[t];
          const Place place = place_of(tile * kPixels + way_to(way, input));
          const uint64_t* const from = plane_of(input, way.phase * output.channels + channel, 0);
          Vec code[Bits];
          for (int b = 0; b < Bits; ++b) code[b] = load_bits(from + static_cast<int64_t>(b) * input.plane_words, place);
          keep_larger<Bits>(best, code);
        }
        const Vec valid = load<Vec>(output.valid + tile * kLanes);
        for (int b = 0; b < Bits; ++b) {
          store(to + static_cast<int64_t>(b) * output.plane_words + tile * kLanes, best[b] & valid);
        }
      }
    }
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
