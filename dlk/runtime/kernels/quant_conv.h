// The quantized convolution: S = sum(w * a), w = -1 or +1 (or 0), a = 0 .. n; padding has code 0.
//
// Tiles of 64 * lanes consecutive stream positions are independent of each other. Rows of the input and of the output
// have the same length, so a tile is written where it was read.
#pragma once

#include "class_tree.h"
#include "tail.h"
#include "taps.h"
#include "thresholds.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Codes of Bits bits: the number of thresholds below the sum, complemented where the direction is -1.
template <int Bits>
struct ToCodes {
  static constexpr int kLevels = (1 << Bits) - 1;
  const StepCall& call;

  // masks of a channel: the thresholds, then the word that complements the code.
  template <int Width>
  DLK_INLINE void write(const Counter<Width>& value, int channel, int64_t tile) const {
    const uint64_t* const masks = call.lists->masks + static_cast<int64_t>(channel) * (kLevels * Width + 1);
    const Tensor& output = *call.output;
    uint64_t* const plane = plane_of(output, channel, 0) + tile * kLanes;
    Vec above[kLevels];
    compare<kLevels, Width>(above, value, masks);
    const Vec complement = Vec{} + masks[kLevels * Width];
    const Vec valid = load<Vec>(output.valid + tile * kLanes);
    store_code<Bits>(above, [&](int bit, Vec code) {
      store(plane + static_cast<int64_t>(bit) * output.plane_words, (code ^ complement) & valid);
    });
  }

  DLK_INLINE void finish(int64_t) const {}
};

// Floats: y = S * scale + bias. The rows of a tile stand behind the taps.
struct ToFloats {
  const StepCall& call;
  float* rows;
  PixelStore pixels;

  DLK_INLINE ToFloats(const StepCall& step_call, float* scratch)
      : call(step_call), rows(scratch), pixels(*call.output, call.input->stride, scratch) {}

  template <int Width>
  DLK_INLINE void write(const Counter<Width>& value, int channel, int64_t) const {
    write_affine(value, call.lists->offsets[channel], call.step->scale[channel], call.step->bias[channel],
                 rows + static_cast<int64_t>(channel) * kRowFloats);
  }

  DLK_INLINE void finish(int64_t tile) { pixels.write(tile); }
};

template <class Tree, class Epilogue>
DLK_INLINE void convolve(const StepCall& call, Epilogue&& epilogue, int64_t first, int64_t last) {
  const int channels = call.output->channels;
  const int groups = (channels + Tree::kChannels - 1) / Tree::kChannels;
  for (int64_t tile = first; tile < last; ++tile) {
    write_taps<Tree::kBits>(call, tile);
    for (int group = 0; group < groups; ++group) {
      typename Tree::Slot sums[Tree::kDepth + 1];
      Tree::sum({call.scratch, call.lists->entries + call.lists->group_starts[group],
                 call.lists->steps + (static_cast<int64_t>(group) << Tree::kDepth)},
                sums);
      for (int j = 0; j < Tree::kChannels; ++j) {
        const int channel = group * Tree::kChannels + j;
        if (channel >= channels) break;
        Counter<Tree::kWidth + 1> value;
        Tree::channel_sum(sums, j, value);
        epilogue.write(value, channel, tile);
      }
    }
    epilogue.finish(tile);
  }
}

template <class Tree, int Bits>
struct QuantConvCodes {
  static int64_t items(const StepCall& call) { return tiles(*call.output); }
  static void run(const StepCall& call, int64_t first, int64_t last) {
    convolve<Tree>(call, ToCodes<Bits>{call}, first, last);
  }
};

template <class Tree>
struct QuantConvFloats {
  static int64_t items(const StepCall& call) { return tiles(call.output->height, call.input->stride); }
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int64_t inputs = static_cast<int64_t>(call.input->channels) / call.step->phases * call.step->tap_count;
    char* const rows = call.scratch + (2 * inputs + 1) * Tree::kBits * sizeof(Vec);
    convolve<Tree>(call, ToFloats(call, reinterpret_cast<float*>(rows)), first, last);
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
