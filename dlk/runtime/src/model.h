// The network as data: what generated code hands to the runtime, and what the runtime hands to a kernel.
//
// Only plain structs live here. Every instruction set's translation unit includes this file, so a function defined
// here could be compiled for AVX-512 and then be called on a machine without it.
#pragma once

#include <stddef.h>
#include <stdint.h>

// A tensor in memory. Floats are NHWC. Codes are bit-planes: plane (channel * bits + bit) is a stream of bits over
// the pixels, row after row of `stride` bits (at least the width plus the padding of the widest kernel, a multiple
// of 8), with `guard` zero words before and behind. Bits that are no pixel are always zero.
struct dlk_tensor {
  int32_t height;
  int32_t width;
  int32_t channels;
  int32_t bits;           // 0: float
  int32_t stride;         // bits of a row
  int32_t guard;          // words before and behind a plane
  int32_t plane_words;    // words from one plane to the next, guards included
  void* data;             // float, or the first pixel's word of plane 0
  const uint64_t* valid;  // a stream with ones where there are pixels (codes only)
};

namespace dlk {

using Tensor = dlk_tensor;

// What a class tree looks like; chosen by dlk.lowering.class_lists.
struct TreeSpec {
  int32_t depth;          // D: a group is D + 1 output channels
  const uint8_t* widths;  // [D + 1] planes of a sum at each level
  int64_t entries;        // length of the class lists of all groups
};

// One step. Members that a step does not need are null or zero.
struct Step {
  const char* name;
  int32_t input;  // tensor numbers
  int32_t output;
  int32_t kernel;  // 1, 3, 5: kernel rows and columns
  size_t scratch_bytes;
  const float* float_weights;  // [kernel, kernel, channels in, outputs rounded up to 4]
  const uint64_t*
      sign_words;  // [outputs, ceil(K / 64)]; bit i set: input i has weight +1; i = (c*kernel + ky)*kernel + kx
  TreeSpec tree;
  const int32_t* int_thresholds;  // [outputs, levels]
  const float* float_thresholds;  // [outputs, levels], negated where the direction is -1, so always ascending
  const int8_t* directions;       // [outputs] +1 or -1
  const float* scale;             // [outputs]
  const float* bias;              // [outputs]
  const float* table;             // [levels + 1]
};

// What network_init makes of a quantized convolution.
struct ConvLists {
  uint32_t* entries;       // byte offsets into the taps, class after class
  uint32_t* group_starts;  // [groups] first entry
  uint16_t* quads;         // [groups, 2^D] entries of a class divided by 4
  int32_t* offsets;        // [outputs] what the tree's sum has too much: sum - offset = S
  uint64_t* masks;         // [outputs, mask_words] constants of the comparisons, each bit as a whole word
  int32_t mask_words;
};

struct StepCall {
  const Step* step;
  const Tensor* input;
  const Tensor* output;
  const ConvLists* lists;
  char* scratch;  // 64-byte aligned
};

using StepFunction = void (*)(const StepCall& call);

// What bounds a step, see kernels/roofline.h: each does `rounds` rounds of the same work.
struct Roofline {
  int64_t bit_adds;  // additions of one bit of one pixel in a round of add_bits
  int64_t macs;      // multiply-adds in a round of multiply_add
  void (*add_bits)(char* state, int64_t rounds);
  void (*multiply_add)(char* state, int64_t rounds);
  void (*read)(char* state, const char* from, int64_t bytes, int64_t rounds);
};

struct Isa {
  const char* name;
  int32_t level;  // what the machine must offer, see isa.h
  int32_t lanes;  // 64-bit words of a vector
  const StepFunction* steps;
  const Roofline* roofline;
};

enum class Preprocess : int32_t { kDivideBy255, kPerImageStandardization };

struct Model {
  const char* name;
  Preprocess preprocess;
  int32_t input;
  int32_t output;
  int32_t tensor_count;
  const Tensor* tensors;  // without data
  int32_t step_count;
  const Step* steps;
  int32_t class_count;
  const char* const* class_names;
  int32_t isa_count;
  const Isa* const* isas;  // from plain to best
};

extern const Model kModel;  // generated

}  // namespace dlk
