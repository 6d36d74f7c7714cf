// The float convolution: acc = 0; acc += w * x over the window's taps and channels in order, in float32, each product
// and each sum rounded, subnormals kept; a subnormal result counts as +0. Taps outside of the image read zeros.
//
// Lanes are output channels and inputs are broadcast, so pixels are read where they lie. Codes are found by integers
// that ascend as floats do: ARMv7 NEON would take subnormal floats for zero. A word of a bit-plane is 32 pixels of one
// channel, that is, one lane of what the comparisons of 32 pixels give.
#pragma once

#include "tail.h"
#include "thresholds.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Vectors of F floats, and a block: the vectors of output channels and the pixels that are summed together, as many as
// registers hold.
template <int F>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * F)));
  static constexpr int kVectors = F >= 8 ? 16 / F : 4;
  static constexpr int kPixels = F >= 8 ? 8 / kVectors : kSumPixels;
  static constexpr int kBlock = F * kVectors;
};

constexpr int kOrders = kWords < 4 ? 2 : kWords;  // lanes of a comparison; they divide every block
constexpr int kMostPixels = 8;                    // of any block
constexpr int kStripWords = 16;                   // 32 pixels each; an item of the work

typedef int32_t Ordered __attribute__((vector_size(4 * kOrders)));

// The sums of a block of channels for some pixels.
template <int F>
struct FloatSums {
  typename Lanes<F>::Floats of[Lanes<F>::kPixels][Lanes<F>::kVectors];
};

// The places of a block's pixels among 32.
template <int F>
struct Rounds {
  int of[Lanes<F>::kPixels];
};

DLK_INLINE size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

// What the step's scratch is divided into.
struct FloatScratch {
  float* zeros;          // [channels]
  const float** pixels;  // [taps, kMostPixels] where the channels of a tap are
  const float** rows;    // [taps] where they are for the first column; null outside of the image
  Ordered* above;        // [columns / kOrders, levels] comparisons of 32 pixels

  explicit FloatScratch(const StepCall& call) {
    zeros = reinterpret_cast<float*>(call.scratch);
    char* const behind_zeros = call.scratch + lines(call.input->channels * sizeof(float));
    pixels = reinterpret_cast<const float**>(behind_zeros);
    rows = pixels + call.step->tap_count * kMostPixels;
    above = reinterpret_cast<Ordered*>(behind_zeros + lines(call.step->tap_count * (kMostPixels + 1) * sizeof(float*)));
    for (int c = 0; c < call.input->channels; ++c) zeros[c] = 0.0f;
  }
};

DLK_INLINE int columns_of(const Tensor& output) { return (output.channels + 15) / 16 * 16; }

// Finds the rows of the windows whose output is row y.
DLK_INLINE void find_rows(const StepCall& call, const FloatScratch& scratch, int64_t y) {
  const Tensor& input = *call.input;
  const Step& step = *call.step;
  for (int t = 0; t < step.tap_count; ++t) {
    const int64_t row = y * step.stride + step.taps[t].dy;
    const float* const first = static_cast<const float*>(input.data) + row * input.width * input.channels;
    scratch.rows[t] = row >= 0 && row < input.height ? first : nullptr;
  }
}

// Finds the window whose output is in column x, as number `number` of those that are summed together.
DLK_INLINE void find_window(const StepCall& call, const FloatScratch& scratch, int64_t x, int number) {
  const Tensor& input = *call.input;
  const Step& step = *call.step;
  for (int t = 0; t < step.tap_count; ++t) {
    const int64_t column = x * step.stride + step.taps[t].dx;
    const bool inside = scratch.rows[t] && static_cast<uint64_t>(column) < static_cast<uint64_t>(input.width);
    scratch.pixels[t * kMostPixels + number] = inside ? scratch.rows[t] + column * input.channels : scratch.zeros;
  }
}

// weights: [inputs, columns], the block's channels first.
template <int F>
DLK_INLINE void accumulate(const StepCall& call, const FloatScratch& scratch, const float* weights, int columns,
                           FloatSums<F>& sums) {
  using Floats = typename Lanes<F>::Floats;
  constexpr int pixel_count = Lanes<F>::kPixels;
  constexpr int vectors = Lanes<F>::kVectors;
#pragma GCC unroll 8
  for (int p = 0; p < pixel_count; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums.of[p][v] = Floats{};
  }
  const float* const* pixels = scratch.pixels;
  for (int t = 0; t < call.step->tap_count; ++t, pixels += kMostPixels) {
    for (int c = 0; c < call.input->channels; ++c, weights += columns) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        const Floats weight = load<Floats>(weights + v * F);
        Floats product[pixel_count];
#pragma GCC unroll 8
        for (int p = 0; p < pixel_count; ++p) product[p] = weight * pixels[p][c];
#pragma GCC unroll 8
        for (int p = 0; p < pixel_count; ++p) sums.of[p][v] += product[p];
      }
    }
  }
}

// Integers that ascend as the floats of a pixel's sums do, kOrders of them. dlk.codegen.parameters turns thresholds
// alike, so that subnormal sums compare as 0 does.
DLK_INLINE Ordered ordered(const void* sums, int number) {
  Ordered bits;
  memcpy(&bits, static_cast<const char*>(sums) + number * sizeof bits, sizeof bits);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// Calls block(channel, sums, rounds) for groups of pixels of the 32 from stream position `first` on, all output
// channels in turn. The last group may repeat its last pixel.
template <int F, class Block>
DLK_INLINE void sum_word(const StepCall& call, const FloatScratch& scratch, int stride, int64_t first,
                         const Block& block) {
  const Tensor& output = *call.output;
  const int columns = columns_of(output);
  int64_t y = first / stride;
  int64_t x = first % stride;
  Rounds<F> rounds;
  int count = 0;
  find_rows(call, scratch, y);
  for (int round = 0; round < 32; ++round) {
    if (x < output.width && y < output.height) {
      find_window(call, scratch, x, count);
      rounds.of[count++] = round;
    }
    if (++x == stride) {
      x = 0;
      find_rows(call, scratch, ++y);
    }
    if (count < Lanes<F>::kPixels && (round < 31 || count == 0)) continue;
    for (int p = count; p < Lanes<F>::kPixels; ++p) {
      rounds.of[p] = rounds.of[count - 1];
      for (int t = 0; t < call.step->tap_count; ++t) {
        scratch.pixels[t * kMostPixels + p] = scratch.pixels[t * kMostPixels + count - 1];
      }
    }
    for (int channel = 0; channel < output.channels; channel += Lanes<F>::kBlock) {
      FloatSums<F> sums;
      accumulate<F>(call, scratch, call.step->float_weights + channel, columns, sums);
      block(channel, sums, rounds);
    }
    count = 0;
  }
}

template <int Bits>
struct FloatConvCodes {
  static constexpr int kLevels = (1 << Bits) - 1;

  static int64_t items(const StepCall& call) { return tiles(*call.output, 32 * kStripWords); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    if constexpr (kNormalFloats != kFloats) {
      if (call.normal) return sum_and_compare<kNormalFloats>(call, first, last);
    }
    sum_and_compare<kFloats>(call, first, last);
  }

 private:
  template <int F>
  static DLK_INLINE void sum_and_compare(const StepCall& call, int64_t first, int64_t last) {
    const FloatScratch scratch(call);
    const int64_t end = tiles(*call.output, 32);
    for (int64_t word = first * kStripWords; word < last * kStripWords && word < end; ++word) {
      for (int i = 0; i < columns_of(*call.output) / kOrders * kLevels; ++i) scratch.above[i] = Ordered{};
      sum_word<F>(call, scratch, call.output->stride, 32 * word,
                  [&](int channel, const FloatSums<F>& sums, const Rounds<F>& rounds) {
                    compare<F>(call, channel, sums, rounds, scratch.above + channel / kOrders * kLevels);
                  });
      write_word(*call.output, scratch.above, word);
    }
  }

  // above[vector, level] gets bit `round`: sum >= threshold.
  template <int F>
  static DLK_INLINE void compare(const StepCall& call, int channel, const FloatSums<F>& sums, const Rounds<F>& rounds,
                                 Ordered* above) {
    constexpr int pixel_count = Lanes<F>::kPixels;
    const int columns = columns_of(*call.output);
#pragma GCC unroll 8
    for (int v = 0; v < Lanes<F>::kBlock / kOrders; ++v) {
      const int32_t* threshold = call.step->int_thresholds + channel + v * kOrders;
      Ordered sum[pixel_count];
#pragma GCC unroll 8
      for (int p = 0; p < pixel_count; ++p) sum[p] = ordered(sums.of[p], v);
      for (int i = 0; i < kLevels; ++i, threshold += columns, ++above) {
        const Ordered least = load<Ordered>(threshold);
        Ordered bits = *above;
#pragma GCC unroll 8
        for (int p = 0; p < pixel_count; ++p) {
          bits |= (Ordered)(sum[p] >= least) & static_cast<int32_t>(1u << rounds.of[p]);
        }
        *above = bits;
      }
    }
  }

  static DLK_INLINE void write_word(const Tensor& output, const Ordered* above, int64_t word) {
    for (int channel = 0; channel < output.channels; channel += kOrders, above += kLevels) {
      Ordered levels[kLevels];
      for (int i = 0; i < kLevels; ++i) levels[i] = above[i];
      store_code<Bits>(levels, [&](int bit, Ordered code) {
        for (int lane = 0; lane < kOrders && channel + lane < output.channels; ++lane) {
          reinterpret_cast<int32_t*>(plane_of(output, channel + lane, bit))[word] = code[lane];
        }
      });
    }
  }
};

// y = acc * scale + bias.
struct FloatConvFloats {
  static int64_t items(const StepCall& call) {
    return tiles(call.output->height, call.output->width, 32 * kStripWords);
  }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& output = *call.output;
    const FloatScratch scratch(call);
    const int64_t pixels = static_cast<int64_t>(output.height) * output.width;
    for (int64_t pixel = first * kStripWords * 32; pixel < last * kStripWords * 32 && pixel < pixels; pixel += 32) {
      sum_word<kFloats>(call, scratch, output.width, pixel,
                        [&](int channel, const FloatSums<kFloats>& sums, const Rounds<kFloats>& rounds) {
                          const int count = output.channels - channel < kBlock ? output.channels - channel : kBlock;
                          for (int p = 0; p < Lanes<kFloats>::kPixels; ++p) {
                            float values[kBlock];
                            scale(*call.step, channel, sums.of[p], values);
                            float* const to =
                                static_cast<float*>(output.data) + (pixel + rounds.of[p]) * output.channels + channel;
                            for (int c = 0; c < count; ++c) to[c] = values[c];
                          }
                        });
    }
  }

 private:
  static constexpr int kBlock = Lanes<kFloats>::kBlock;

  static DLK_INLINE void scale(const Step& step, int channel, const Floats* sums, float* values) {
    for (int v = 0; v < Lanes<kFloats>::kVectors; ++v) {
      const FloatBits bits = (FloatBits)sums[v];
      const Floats sum = (Floats)(bits & (FloatBits)((bits & 0x7fffffffu) >= 0x00800000u));  // subnormal is 0
      const int column = channel + v * kFloats;
      store(values + v * kFloats, sum * load<Floats>(step.scale + column) + load<Floats>(step.bias + column));
    }
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
