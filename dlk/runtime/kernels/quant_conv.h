// The quantized convolution: S = sum(w * a), w = -1 or +1, a = 0 .. n; odd kernel, stride 1, SAME padding with code 0.
//
// Tiles of 64 * lanes consecutive stream positions are independent of each other. Input and output have the same
// height, width and stride, so a tile is written where it was read.
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
    uint64_t* const plane =
        static_cast<uint64_t*>(output.data) + static_cast<int64_t>(channel) * Bits * output.plane_words + tile * kLanes;
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

  template <int Width>
  DLK_INLINE void write(const Counter<Width>& value, int channel, int64_t) const {
    write_affine(value, call.lists->offsets[channel], call.step->scale[channel], call.step->bias[channel],
                 rows + static_cast<int64_t>(channel) * row_floats(kWords));
  }

  DLK_INLINE void finish(int64_t tile) const { store_pixels<kWords>(*call.output, call.input->stride, rows, tile); }
};

template <class Tree, class Epilogue>
DLK_INLINE void convolve(const StepCall& call, const Epilogue& epilogue) {
  constexpr int group_outputs = Tree::kDepth + 1;
  const Tensor& input = *call.input;
  const int outputs = call.output->channels;
  const int groups = (outputs + group_outputs - 1) / group_outputs;
  const int64_t tiles = (static_cast<int64_t>(input.height) * input.stride + kPixels - 1) / kPixels;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    write_taps<Tree::kBits>(input, call.step->kernel, tile, call.scratch);
    for (int group = 0; group < groups; ++group) {
      typename Tree::Slot sums[group_outputs];
      Tree::sum({call.scratch, call.lists->entries + call.lists->group_starts[group],
                 call.lists->quads + (static_cast<int64_t>(group) << Tree::kDepth)},
                sums);
      Counter<Tree::kWidth> total;
      Tree::get(total, sums[Tree::kDepth]);
      for (int j = 0; j < group_outputs; ++j) {
        const int channel = group * group_outputs + j;
        if (channel >= outputs) break;
        Counter<Tree::kWidth> marked;  // the reference comes last: 2T - T = T
        Counter<Tree::kWidth + 1> value;
        Tree::get(marked, sums[j]);
        twice_minus(value, marked, total);
        epilogue.write(value, channel, tile);
      }
    }
    epilogue.finish(tile);
  }
}

template <class Tree, int Bits>
void quant_conv_codes(const StepCall& call) {
  convolve<Tree>(call, ToCodes<Bits>{call});
}

template <class Tree>
void quant_conv_floats(const StepCall& call) {
  const int64_t inputs = static_cast<int64_t>(call.input->channels) * call.step->kernel * call.step->kernel;
  char* const rows = call.scratch + (2 * inputs + 1) * Tree::kBits * sizeof(Vec);
  convolve<Tree>(call, ToFloats{call, reinterpret_cast<float*>(rows)});
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
