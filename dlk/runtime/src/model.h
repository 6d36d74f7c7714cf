// The network as data: what generated code hands to the runtime, and what the runtime hands to a kernel.
//
// Only plain structs live here. Every instruction set's translation unit includes this file, so a function defined
// here could be compiled for AVX-512 and then be called on a machine without it.
#pragma once

#include <stddef.h>
#include <stdint.h>

// A tensor in memory. Floats are NHWC. Codes are bit-planes: plane (channel * bits + bit) is a stream of bits over
// the pixels, row after row of `stride` bits. Bits that are no pixel are zero: the columns behind a
// row, `guard` words before the first plane and at least as many behind each. dlk/lowering/layout.py chooses the
// numbers.
struct dlk_tensor {
  int32_t height;
  int32_t width;
  int32_t channels;
  int32_t bits;           // 0: float
  int32_t stride;         // bits of a row
  int32_t guard;          // words before the first plane
  int32_t plane_words;    // words from one plane to the next
  bool reused;            // the memory held something else: what is no pixel must be cleared
  size_t offset;          // bytes from the begin of the arena to the first pixel
  void* data;             // float, or the first pixel's word of plane 0
  const uint64_t* valid;  // a stream with ones where there are pixels (codes only)
};

namespace dlk {

using Tensor = dlk_tensor;

// One input of a window. Phases are the channel groups of a tensor whose 2x2 blocks were moved into channels.
struct Tap {
  int16_t phase;
  int16_t dy;
  int16_t dx;
};

// What a class tree looks like; chosen by dlk.lowering.class_lists.
struct TreeSpec {
  int32_t signs;          // tree outputs of a channel: 1 for binary, 2 for ternary weights
  int32_t depth;          // D: a group is D + 1 outputs
  const uint8_t* widths;  // [D + 1] planes of a sum at each level
  int64_t entries;        // length of the class lists of all groups
};

// One step. Members that a step does not need are null or zero.
struct Step {
  const char* name;
  bool helper;    // prepares another step: no layer of the network
  int32_t input;  // tensor numbers
  int32_t output;
  int32_t second;   // another input, -1: none
  const Tap* taps;  // of the window, row by row
  int32_t tap_count;
  int32_t phases;     // of the input of a window on codes: 1, or 4 for stride 2
  int32_t stride;     // of a window on floats
  int32_t before[3];  // rows, columns, channels of padding; the first channel of a part
  size_t scratch_bytes;
  const float* float_weights;  // [taps, channels in, columns]; columns: outputs rounded up to 16
  float least_weight;          // the least magnitude of float_weights that is not 0
  const uint64_t* sign_words;  // [outputs * signs, ceil(K / 64)]; bit i set: input i = c * taps + tap has weight +1
  TreeSpec tree;
  const int32_t* int_thresholds;  // [outputs, levels]; of a float convolution [levels, columns]; see ordered()
  const int8_t* directions;       // [outputs] +1 or -1; a float convolution has negative weights instead
  const float* scale;             // [outputs], or [columns]
  const float* bias;              // likewise
  const float* table;             // [levels + 1]; of a mean [taps + 1] reciprocals; of a leaky rectifier the slope
};

// A class list is padded with zero inputs to a multiple of this, and is never empty (LIST_STEP of
// dlk.lowering.class_lists).
constexpr int kListStep = 2;

// Kernels look ahead in the class lists, so these have some entries more than they need.
constexpr int kEntriesAhead = 16;

// What network_init makes of a quantized convolution.
struct ConvLists {
  uint16_t* entries;       // numbers of inputs, class after class; input K + i is the complement of i
  uint32_t* group_starts;  // [groups] first entry
  uint16_t* steps;         // [groups, 2^D] entries of a class divided by kListStep
  int32_t* offsets;        // [outputs] what the tree's sum has too much: sum - offset = S
  uint64_t* masks;         // [outputs, mask_words] constants of the comparisons, each bit as a whole word
  int32_t mask_words;
};

struct StepCall {
  const Step* step;
  const Tensor* input;
  const Tensor* output;
  const Tensor* second;  // null where the step has one input
  const ConvLists* lists;
  char* scratch;  // 64-byte aligned, of one thread
  bool normal;    // no product and no sum of the step's floats can be subnormal
};

// How a step is executed: items (tiles, planes or rows) are independent of each other, and any thread may run any
// range.
struct StepKernel {
  int64_t (*items)(const StepCall& call);
  void (*run)(const StepCall& call, int64_t first, int64_t last);
};

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
  // The network's input, see kernels/import.h.
  uint32_t (*import)(const float* from, int64_t count, float* to);
  const StepKernel* steps;
  const Roofline* roofline;
};

struct Way;  // accelerator.h

enum class Preprocess : int32_t { kDivideBy255, kPerImageStandardization };

struct Model {
  const char* name;
  Preprocess preprocess;
  int32_t input;
  int32_t output;
  size_t arena_bytes;  // of all tensors
  int32_t tensor_count;
  const Tensor* tensors;  // without data
  int32_t step_count;
  const Step* steps;
  int32_t class_count;
  const char* const* class_names;
  int32_t isa_count;
  const Isa* const* isas;    // from plain to best
  int32_t accelerated_step;  // -1 where the processor executes every step
  const Way* ways;           // to the accelerator, up to one without a name; null where there is none
};

extern const Model kModel;  // generated

}  // namespace dlk
