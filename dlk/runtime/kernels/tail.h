// Leaving the bit-planes: sums and codes become float32 pixels.
//
// A tile of pixels is turned in 32 rounds: round i handles the pixels lane * 32 + i of all 32-bit lanes at once, so
// the floats of a tile come out as rows[channel][round, lane], and PixelStore puts them into NHWC order.
#pragma once

#include "counter.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Floats between the rows of two channels in the scratch: a tile and one line more, so that the rows of a pixel's
// channels do not share their cache sets.
constexpr int kRowFloats = 32 * kWords + 16;

// Four floats: as many channels of a pixel as are stored at once.
typedef uint32_t Quad __attribute__((vector_size(16)));

// Turns four rows of four lanes, [channel][pixel] into [pixel][channel].
DLK_INLINE void turn(Quad (&rows)[4]) {
  const Quad a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  const Quad b = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  const Quad c = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const Quad d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

// Writes tiles to an NHWC tensor. A tile counts stream positions of `stride`; those behind a row are no pixels.
class PixelStore {
 public:
  PixelStore(const Tensor& output, int stride, const float* rows) : output_(output), stride_(stride), rows_(rows) {}

  DLK_NOINLINE void write(int64_t tile) {
    find(tile * kPixels);
    const int channels = output_.channels;
    if (kWords % 4 || channels < 4) {
      for (int c = 0; c < channels; ++c) write_one(c);
      return;
    }
    for (int c = 0; c + 4 <= channels; c += 4) write_four(c);
    if (channels % 4) write_four(channels - 4);  // some of them once more
  }

 private:
  const Tensor& output_;
  const int stride_;
  const float* const rows_;
  float* pixels_[kPixels];  // null where there is none

  void find(int64_t position) {
    int64_t y = position / stride_;
    int64_t x = position % stride_;
    float* const first = static_cast<float*>(output_.data);
    for (int i = 0; i < kPixels; ++i) {
      const bool inside = x < output_.width && y < output_.height;
      pixels_[i] = inside ? first + (y * output_.width + x) * output_.channels : nullptr;
      if (++x == stride_) {
        x = 0;
        ++y;
      }
    }
  }

  DLK_INLINE void write_one(int channel) {
    const float* row = rows_ + static_cast<int64_t>(channel) * kRowFloats;
    for (int round = 0; round < 32; ++round) {
      for (int lane = 0; lane < kWords; ++lane, ++row) {
        float* const pixel = pixels_[lane * 32 + round];
        if (pixel) pixel[channel] = *row;
      }
    }
  }

  DLK_INLINE void write_four(int channel) {
    const float* row = rows_ + static_cast<int64_t>(channel) * kRowFloats;
    for (int round = 0; round < 32; ++round) {
      for (int lane = 0; lane + 4 <= kWords; lane += 4, row += 4) {
        Quad quads[4];
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) quads[c] = load<Quad>(row + c * kRowFloats);
        turn(quads);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          float* const pixel = pixels_[(lane + i) * 32 + round];
          if (pixel) store(pixel + channel, quads[i]);
        }
      }
    }
  }
};

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
    PixelStore pixels(*call.output, input.stride, rows);
    for (int64_t tile = first; tile < last; ++tile) {
      for (int channel = 0; channel < input.channels; ++channel) {
        Words code[Bits];
        for (int b = 0; b < Bits; ++b) code[b] = load<Words>(plane_of(input, channel, b) + tile * kLanes);
        float* const row = rows + static_cast<int64_t>(channel) * kRowFloats;
        for (int round = 0; round < 32; ++round) {
          store(row + round * kWords, select_entry<Bits>(code, round, call.step->table));
        }
      }
      pixels.write(tile);
    }
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
