// Leaving the bit-planes: sums and codes become float32 pixels.
//
// A tile of pixels is turned in 32 rounds: round i handles the pixels lane * 32 + i of all 32-bit lanes at once, so
// the floats of a tile come out in the order [round, lane] and are put into NHWC order by store_pixels.
#pragma once

#include "counter.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Floats between the rows of two channels in the scratch: a tile and one line more, so that the rows of a pixel's
// channels do not share their cache sets.
constexpr int row_floats(int lanes) { return 32 * lanes + 16; }

// Writes a tile of rows[channel][round, lane] to the NHWC tensor. The tile counts stream positions of `stride`.
template <int Lanes>
DLK_NOINLINE void store_pixels(const Tensor& output, int stride, const float* rows, int64_t tile) {
  float* const pixels = static_cast<float*>(output.data);
  const int channels = output.channels;
  int64_t y = tile * (32 * Lanes) / stride;
  int64_t x = tile * (32 * Lanes) % stride;
  for (int lane = 0; lane < Lanes; ++lane) {
    for (int round = 0; round < 32; ++round) {
      if (x < output.width && y < output.height) {
        float* const pixel = pixels + (y * output.width + x) * channels;
        const float* row = rows + round * Lanes + lane;
        for (int c = 0; c < channels; ++c, row += row_floats(Lanes)) pixel[c] = *row;
      }
      if (++x == stride) {
        x = 0;
        ++y;
      }
    }
  }
}

// Transposes N rows of 32 bits per lane: bit b of row r goes to bit r of row b; for N = 16 each half word is a matrix
// of its own.
template <int N>
DLK_INLINE void transpose(Words (&rows)[N]) {
#pragma GCC unroll 5
  for (int step = N / 2; step > 0; step /= 2) {
    uint32_t mask = 0;
    for (int bit = 0; bit < 32; ++bit) {
      if (!(bit & step)) mask |= 1u << bit;
    }
#pragma GCC unroll 32
    for (int row = 0; row < N; ++row) {
      if (row & step) continue;
      const Words swap = ((rows[row] >> step) ^ rows[row + step]) & (Words{} + mask);
      rows[row + step] ^= swap;
      rows[row] ^= swap << step;
    }
  }
}

// y = float32(float32(sum) * scale) + bias.
DLK_INLINE WordFloats affine(Ints sum, float scale, float bias) {
  return __builtin_convertvector(sum, WordFloats) * (WordFloats{} + scale) + (WordFloats{} + bias);
}

// The floats of one channel: rows[round, lane] for sums in two's complement planes, less offset.
template <int Width>
DLK_INLINE void write_affine(const Counter<Width>& value, int32_t offset, float scale, float bias, float* row) {
  constexpr int N = Width <= 16 ? 16 : 32;
  Words rounds[N];
#pragma GCC unroll 32
  for (int plane = 0; plane < N; ++plane) {
    rounds[plane] = (Words)value.plane[plane < Width ? plane : Width - 1];
  }
  transpose(rounds);
#pragma GCC unroll 32
  for (int round = 0; round < N; ++round) {
    if constexpr (N == 16) {
      const Ints low = (Ints)(rounds[round] << 16) >> 16;
      const Ints high = (Ints)rounds[round] >> 16;
      store(row + round * kWords, affine(low - offset, scale, bias));
      store(row + (round + 16) * kWords, affine(high - offset, scale, bias));
    } else {
      store(row + round * kWords, affine((Ints)rounds[round] - offset, scale, bias));
    }
  }
}

// The table's entry for the codes of one round.
template <int Bits, int Bit = Bits - 1>
DLK_INLINE Words select_entry(const Words* planes, int round, const float* table) {
  if constexpr (Bit < 0) {
    uint32_t entry;
    memcpy(&entry, table, sizeof entry);
    return Words{} + entry;
  } else {
    const Words mask = Words{} - (planes[Bit] >> round & 1u);
    const Words low = select_entry<Bits, Bit - 1>(planes, round, table);
    const Words high = select_entry<Bits, Bit - 1>(planes, round, table + (1 << Bit));
    return low ^ (mask & (low ^ high));
  }
}

// Codes to floats by a table of 2^Bits entries.
template <int Bits>
struct DequantizeCodes {
  static int64_t items(const StepCall& call) { return tiles(*call.input); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& input = *call.input;
    float* const rows = reinterpret_cast<float*>(call.scratch);
    for (int64_t tile = first; tile < last; ++tile) {
      for (int channel = 0; channel < input.channels; ++channel) {
        Words code[Bits];
        for (int b = 0; b < Bits; ++b) code[b] = load<Words>(plane_of(input, channel, b) + tile * kLanes);
        float* const row = rows + channel * row_floats(kWords);
        for (int round = 0; round < 32; ++round) {
          store(row + round * kWords, select_entry<Bits>(code, round, call.step->table));
        }
      }
      store_pixels<kWords>(*call.output, input.stride, rows, tile);
    }
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
