// The float convolution: acc = 0; acc += w * x over kernel row, column, channel ascending, in float32, each product
// and each sum rounded, subnormals kept; a subnormal result counts as +0. Odd kernel, stride 1, SAME padding with
// zeros.
//
// A tile of 32 * kFloats stream positions is laid out as rows [input][round, lane] (see tail.h), with position
// lane * 32 + round in a slot. Then comparisons of 32 rounds make up whole words of the output's bit-planes.
#pragma once

#include "tail.h"
#include "thresholds.h"

namespace dlk {
namespace DLK_NAMESPACE {

constexpr int kFloatTile = 32 * kFloats;
constexpr int kFloatRow = row_floats(kFloats);
constexpr int kOutputBlock = 4;

// Writes the K = window * channels inputs of a tile, input tap * channels + c.
DLK_NOINLINE inline void write_float_taps(const StepCall& call, int stride, int64_t tile, float* taps) {
  const Tensor& input = *call.input;
  const Step& step = *call.step;
  const float* const pixels = static_cast<const float*>(input.data);
  const int channels = input.channels;
  int64_t y = tile * kFloatTile / stride;
  int64_t x = tile * kFloatTile % stride;
  for (int lane = 0; lane < kFloats; ++lane) {
    for (int round = 0; round < 32; ++round) {
      float* tap = taps + round * kFloats + lane;
      for (int t = 0; t < step.tap_count; ++t) {
        const int64_t row = y + step.taps[t].dy;
        const int64_t column = x + step.taps[t].dx;
        const bool inside = row >= 0 && row < input.height && column >= 0 && column < input.width;
        if (inside) {
          const float* const pixel = pixels + (row * input.width + column) * channels;
          for (int c = 0; c < channels; ++c, tap += kFloatRow) *tap = pixel[c];
        } else {
          for (int c = 0; c < channels; ++c, tap += kFloatRow) *tap = 0.0f;
        }
      }
      if (++x == stride) {
        x = 0;
        ++y;
      }
    }
  }
}

// Accumulates kOutputBlock outputs over a tile: sums[output][round, lane]. weights: [inputs, `columns`].
DLK_INLINE void accumulate(const float* taps, const float* weights, int inputs, int columns, float* sums) {
  constexpr int rounds = 2;
  for (int round = 0; round < 32; round += rounds) {
    Floats sum[kOutputBlock][rounds];
#pragma GCC unroll 4
    for (int o = 0; o < kOutputBlock; ++o) {
#pragma GCC unroll 2
      for (int r = 0; r < rounds; ++r) sum[o][r] = Floats{};
    }
    const float* tap = taps + round * kFloats;
    const float* weight = weights;
    for (int i = 0; i < inputs; ++i, tap += kFloatRow, weight += columns) {
      Floats value[rounds];
#pragma GCC unroll 2
      for (int r = 0; r < rounds; ++r) value[r] = load<Floats>(tap + r * kFloats);
#pragma GCC unroll 4
      for (int o = 0; o < kOutputBlock; ++o) {
#pragma GCC unroll 2
        for (int r = 0; r < rounds; ++r) sum[o][r] += value[r] * weight[o];
      }
    }
#pragma GCC unroll 4
    for (int o = 0; o < kOutputBlock; ++o) {
#pragma GCC unroll 2
      for (int r = 0; r < rounds; ++r) store(sums + o * kFloatRow + (round + r) * kFloats, sum[o][r]);
    }
  }
}

// A subnormal sum counts as +0.
DLK_INLINE Floats flush(Floats sum) {
  const FloatBits bits = (FloatBits)sum;
  return (Floats)(bits & (FloatBits)((bits & 0x7fffffffu) >= 0x00800000u));
}

// above[i] gets bit `round`: sum >= threshold i; negative sums for direction -1 make every comparison ascend.
template <int Levels, int I = 0>
DLK_INLINE void compare_floats(FloatBits (&above)[Levels], Floats sum, const float* thresholds, int round) {
  if constexpr (I < Levels) {
    above[I] |= (FloatBits)(sum >= Floats{} + thresholds[I]) & (FloatBits{} + (1u << round));
    compare_floats<Levels, I + 1>(above, sum, thresholds, round);
  }
}

template <int Bits>
DLK_INLINE void write_float_codes(const StepCall& call, const float* sums, int channel, int64_t tile) {
  constexpr int levels = (1 << Bits) - 1;
  const Tensor& output = *call.output;
  const float* const thresholds = call.step->float_thresholds + static_cast<int64_t>(channel) * levels;
  const FloatBits sign = FloatBits{} + (call.step->directions[channel] < 0 ? 0x80000000u : 0u);
  FloatBits above[levels] = {};
  for (int round = 0; round < 32; ++round) {
    const Floats sum = (Floats)((FloatBits)flush(load<Floats>(sums + round * kFloats)) ^ sign);
    compare_floats<levels>(above, sum, thresholds, round);
  }
  constexpr int bytes = kFloatTile / 8;
  char* const plane =
      static_cast<char*>(output.data) + tile * bytes + static_cast<int64_t>(channel) * Bits * output.plane_words * 8;
  const FloatBits valid = load<FloatBits>(reinterpret_cast<const char*>(output.valid) + tile * bytes);
  store_code<Bits>(above, [&](int bit, FloatBits code) {
    store(plane + static_cast<int64_t>(bit) * output.plane_words * 8, code & valid);
  });
}

DLK_INLINE int64_t float_inputs(const StepCall& call) {
  return static_cast<int64_t>(call.step->tap_count) * call.input->channels;
}

DLK_INLINE float* behind_float_taps(const StepCall& call) {
  return reinterpret_cast<float*>(call.scratch) + float_inputs(call) * kFloatRow;
}

// Calls write(channel, sums of a tile, tile) for all outputs of a tile, then finish(tile).
template <class Write, class Finish>
DLK_INLINE void float_conv(const StepCall& call, int stride, int64_t first, int64_t last, const Write& write,
                           const Finish& finish) {
  const int outputs = call.output->channels;
  const int columns = (outputs + kOutputBlock - 1) / kOutputBlock * kOutputBlock;
  const int inputs = static_cast<int>(float_inputs(call));
  float* const taps = reinterpret_cast<float*>(call.scratch);
  float* const sums = behind_float_taps(call);
  for (int64_t tile = first; tile < last; ++tile) {
    write_float_taps(call, stride, tile, taps);
    for (int block = 0; block < outputs; block += kOutputBlock) {
      accumulate(taps, call.step->float_weights + block, inputs, columns, sums);
      for (int o = 0; o < kOutputBlock && block + o < outputs; ++o) write(block + o, sums + o * kFloatRow, tile);
    }
    finish(tile);
  }
}

template <int Bits>
struct FloatConvCodes {
  static int64_t items(const StepCall& call) { return tiles(*call.output, kFloatTile); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    float_conv(
        call, call.output->stride, first, last,
        [&](int channel, const float* sums, int64_t tile) { write_float_codes<Bits>(call, sums, channel, tile); },
        [](int64_t) {});
  }
};

struct FloatConvFloats {
  static int64_t items(const StepCall& call) {
    const int64_t pixels = static_cast<int64_t>(call.output->height) * call.output->width;
    return (pixels + kFloatTile - 1) / kFloatTile;
  }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    float* const rows = behind_float_taps(call) + kOutputBlock * kFloatRow;
    const int stride = call.output->width;
    float_conv(
        call, stride, first, last,
        [&](int channel, const float* sum, int64_t) {
          float* const row = rows + static_cast<int64_t>(channel) * kFloatRow;
          for (int round = 0; round < 32; ++round) {
            const Floats product = flush(load<Floats>(sum + round * kFloats)) * (Floats{} + call.step->scale[channel]);
            store(row + round * kFloats, product + (Floats{} + call.step->bias[channel]));
          }
        },
        [&](int64_t tile) { store_pixels<kFloats>(*call.output, stride, rows, tile); });
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
