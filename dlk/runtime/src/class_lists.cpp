// From the packed signs of the weights to the class lists of the trees (kernels/class_tree.h).
//
// dlk/lowering/class_lists.py counts the same classes to choose the depth and the widths; what it promised is checked
// here, so that a weight bit that does not belong to the generated code can't overflow a counter unnoticed.
#include <string.h>

#include "network.h"

namespace dlk {
namespace {

constexpr int kMaxDepth = 8;
constexpr uint32_t kHash = 2654435761u;

// The signs of a group's outputs (two neighbours a channel for ternary weights). Outputs that are missing in the last
// group get pseudo-random signs: equal ones would put half of the inputs into one class.
struct Group {
  const Step& step;
  int64_t words;  // of one output's signs
  int first;
  int outputs;

  bool positive(int j, uint32_t input) const {
    if (first + j >= outputs) return input * kHash >> (9 + j) & 1;
    return step.sign_words[(first + j) * words + (input >> 6)] >> (input & 63) & 1;
  }

  // Bit j: output j has the sign of the reference, which is the last output.
  uint32_t class_of(uint32_t input, bool reference) const {
    uint32_t number = 0;
    for (int j = 0; j < step.tree.depth; ++j) number |= static_cast<uint32_t>(positive(j, input) == reference) << j;
    return number;
  }
};

// The largest sum that a tree forms at each level fits into its planes.
bool fits(const TreeSpec& tree, const int64_t* sizes, int64_t levels) {
  const int32_t classes = 1 << tree.depth;
  for (int level = 0; level <= tree.depth; ++level) {
    const int64_t limit = int64_t{1} << tree.widths[level];
    const int32_t span = 1 << level;
    for (int32_t first = 0; first < classes; first += span) {
      int64_t total = 0;
      for (int32_t i = 0; i < span; ++i) total += sizes[first + i];
      if (total * levels >= limit) return false;
    }
    if (level == tree.depth) break;
    for (int32_t first = 0; first < classes; first += 2 * span) {  // the marked sums one level up
      for (int j = 0; j <= level; ++j) {
        int64_t marked = 0;
        for (int32_t i = 0; i < 2 * span; ++i) marked += i >> j & 1 ? sizes[first + i] : 0;
        if (marked * levels >= limit) return false;
      }
    }
  }
  return true;
}

// The constants of one channel's comparisons: value > threshold - 1 for ascending thresholds, as complemented bits of
// an unsigned number; then the word that complements the code where the direction is -1.
void write_masks(const int32_t* thresholds, int levels, int direction, int32_t offset, int width, uint64_t* masks) {
  const int64_t half = int64_t{1} << (width - 1);
  for (int i = 0; i < levels; ++i) {
    // S <= t is the opposite of S >= t + 1, and descending t read backwards ascend.
    const int64_t threshold = direction > 0 ? thresholds[i] : int64_t{thresholds[levels - 1 - i]} + 1;
    int64_t below = threshold + offset - 1;
    if (below < -half) below = -half;  // sums are above -half and below half: always, never
    if (below > half - 1) below = half - 1;
    const uint64_t bits = static_cast<uint64_t>(below + half);
    for (int b = 0; b < width; ++b) *masks++ = bits >> b & 1 ? 0 : ~uint64_t{0};
  }
  *masks = direction > 0 ? 0 : ~uint64_t{0};
}

}  // namespace

bool build_class_lists(const Step& step, const Tensor& input, const Tensor& output, ConvLists& lists) {
  const TreeSpec& tree = step.tree;
  if (tree.depth > kMaxDepth) return false;
  const uint32_t inputs = static_cast<uint32_t>(input.channels / step.phases) * step.tap_count;
  if (2 * inputs > UINT16_MAX) return false;
  const int32_t input_levels = (1 << input.bits) - 1;
  const int32_t output_levels = output.bits ? (1 << output.bits) - 1 : 0;
  const int32_t classes = 1 << tree.depth;
  const int group_outputs = tree.depth + 1;
  const int outputs = output.channels * tree.signs;
  int64_t used = 0;
  for (int first = 0, g = 0; first < outputs; first += group_outputs, ++g) {
    const Group group = {step, (int64_t{inputs} + 63) / 64, first, outputs};
    int64_t sizes[1 << kMaxDepth] = {};
    int64_t next[1 << kMaxDepth];
    int32_t offsets[kMaxDepth + 1] = {};
    for (uint32_t i = 0; i < inputs; ++i) {
      const bool reference = group.positive(tree.depth, i);
      const uint32_t number = group.class_of(i, reference);
      ++sizes[number];
      if (reference) continue;
      for (int j = 0; j < tree.depth; ++j) offsets[j] += number >> j & 1 ? input_levels : -input_levels;
      offsets[tree.depth] += input_levels;
    }
    if (!fits(tree, sizes, input_levels)) return false;
    lists.group_starts[g] = static_cast<uint32_t>(used);
    for (int32_t c = 0; c < classes; ++c) {
      const int64_t steps = sizes[c] ? (sizes[c] + kListStep - 1) / kListStep : 1;
      const int64_t end = used + kListStep * steps;
      if (steps > UINT16_MAX || end > tree.entries) return false;
      next[c] = used;
      lists.steps[static_cast<int64_t>(g) * classes + c] = static_cast<uint16_t>(steps);
      for (int64_t i = used + sizes[c]; i < end; ++i) lists.entries[i] = static_cast<uint16_t>(2 * inputs);
      used = end;
    }
    for (uint32_t i = 0; i < inputs; ++i) {
      const bool reference = group.positive(tree.depth, i);
      lists.entries[next[group.class_of(i, reference)]++] = static_cast<uint16_t>(reference ? i : inputs + i);
    }
    for (int j = 0; j < group_outputs && first + j < outputs; j += tree.signs) {
      const int channel = (first + j) / tree.signs;
      const int32_t offset = tree.signs == 1 ? offsets[j] : (offsets[j] + offsets[j + 1]) / 2;
      lists.offsets[channel] = offset;
      if (!output_levels) continue;
      write_masks(step.int_thresholds + static_cast<int64_t>(channel) * output_levels, output_levels,
                  step.directions[channel], offset, tree.widths[tree.depth] + 1,
                  lists.masks + static_cast<int64_t>(channel) * lists.mask_words);
    }
  }
  return used == tree.entries;
}

}  // namespace dlk
