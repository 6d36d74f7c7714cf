// The inputs of a window for one tile: the bit-planes shifted by each of its taps, and their complements.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Where a vector begins that is `bit` bits (possibly negative) behind the begin of a plane.
struct Place {
  int64_t word;
  int shift;
};

DLK_INLINE Place place_of(int64_t bit) { return {bit >> 6, static_cast<int>(bit & 63)}; }

// The way from a pixel to a tap of the window, in bits of the stream.
DLK_INLINE int64_t way_to(const Tap& tap, const Tensor& input) {
  return static_cast<int64_t>(tap.dy) * input.stride + tap.dx;
}

DLK_INLINE Vec load_bits(const uint64_t* plane, Place place) {
  const Vec low = load<Vec>(plane + place.word);
  const Vec high = load<Vec>(plane + place.word + 1);
  return (low >> place.shift) | ((high << 1) << (63 - place.shift));
}

// Writes the taps of K = channels * window inputs: input i = channel * window + tap with its Bits planes at i, its
// complement at K + i, and a zero input at 2K. The complement of padding is n, as it must be: the constant that the
// lists subtract counts padded inputs too.
template <int Bits>
DLK_NOINLINE void write_taps(const StepCall& call, int64_t tile) {
  const Tensor& input = *call.input;
  const Step& step = *call.step;
  const int channels = input.channels / step.phases;
  const int64_t inputs = static_cast<int64_t>(channels) * step.tap_count;
  Vec* const taps = reinterpret_cast<Vec*>(call.scratch);
  for (int t = 0; t < step.tap_count; ++t) {
    const Tap& way = step.taps[t];
    const Place place = place_of(tile * kPixels + way_to(way, input));
    const uint64_t* plane = plane_of(input, way.phase * channels, 0);
    Vec* tap = taps + t * Bits;
    for (int c = 0; c < channels; ++c, tap += step.tap_count * Bits) {
      Vec* const complement = tap + inputs * Bits;
      for (int b = 0; b < Bits; ++b, plane += input.plane_words) {
        const Vec value = load_bits(plane, place);
        tap[b] = value;
        complement[b] = ~value;
      }
    }
  }
  for (int b = 0; b < Bits; ++b) taps[2 * inputs * Bits + b] = Vec{};
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
