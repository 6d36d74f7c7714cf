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

// Where the taps of a tile go: input i with its Bits planes at i, its complement at K + i, and a zero input at 2K, for
// i = channel * window + tap. The complement of padding is n, as it must be: the constant that the lists subtract
// counts padded inputs too.
template <int Bits>
struct TapTable {
  Vec* taps;
  int64_t inputs;

  DLK_INLINE void put(int64_t input, int bit, Vec value) const {
    taps[input * Bits + bit] = value;
    taps[(inputs + input) * Bits + bit] = ~value;
  }
};

// Writes Count taps that stand side by side in a row of the window, for all channels. Their vectors differ by one bit
// each, so that the same words hold all of them, unless these end in between.
template <int Bits, int Count>
DLK_INLINE void write_row_of_taps(const StepCall& call, const TapTable<Bits>& table, int first, int64_t tile) {
  const Tensor& input = *call.input;
  const Step& step = *call.step;
  const int channels = input.channels / step.phases;
  const uint64_t* plane = plane_of(input, step.taps[first].phase * channels, 0);
  const Place place = place_of(tile * kPixels + way_to(step.taps[first], input));
  const bool together = place.shift + Count <= 64;
  for (int c = 0; c < channels; ++c) {
    const int64_t number = static_cast<int64_t>(c) * step.tap_count + first;
    for (int b = 0; b < Bits; ++b, plane += input.plane_words) {
      if (together) {
        const Vec low = load<Vec>(plane + place.word);
        const Vec high = load<Vec>(plane + place.word + 1) << 1;
#pragma GCC unroll 8
        for (int i = 0; i < Count; ++i) {
          table.put(number + i, b, (low >> (place.shift + i)) | (high << (63 - place.shift - i)));
        }
      } else {
        for (int i = 0; i < Count; ++i) {
          table.put(number + i, b, load_bits(plane, place_of(64 * place.word + place.shift + i)));
        }
      }
    }
  }
}

// How many taps from `first` on, at most 5, stand side by side.
DLK_INLINE int side_by_side(const Step& step, int first) {
  int count = 1;
  while (count < 5 && first + count < step.tap_count) {
    const Tap& before = step.taps[first + count - 1];
    const Tap& next = step.taps[first + count];
    if (next.phase != before.phase || next.dy != before.dy || next.dx != before.dx + 1) break;
    ++count;
  }
  return count;
}

template <int Bits>
DLK_NOINLINE void write_taps(const StepCall& call, int64_t tile) {
  const Step& step = *call.step;
  const int64_t inputs = static_cast<int64_t>(call.input->channels / step.phases) * step.tap_count;
  const TapTable<Bits> table = {reinterpret_cast<Vec*>(call.scratch), inputs};
  for (int first = 0; first < step.tap_count;) {
    const int count = side_by_side(step, first);
    if (count >= 5) {
      write_row_of_taps<Bits, 5>(call, table, first, tile);
      first += 5;
    } else if (count >= 3) {
      write_row_of_taps<Bits, 3>(call, table, first, tile);
      first += 3;
    } else {
      write_row_of_taps<Bits, 1>(call, table, first, tile);
      first += 1;
    }
  }
  for (int b = 0; b < Bits; ++b) table.taps[2 * inputs * Bits + b] = Vec{};
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
