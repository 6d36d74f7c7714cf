// Memory of a network: one block, laid out twice by the same code, first to measure it, then to fill it.
#include <stdlib.h>
#include <string.h>

#include "network.h"

#if defined(DLK_SANITIZE)
#include <sanitizer/asan_interface.h>
#endif

namespace dlk {
namespace {

// Pieces of one block look like one object to AddressSanitizer: for its sake they stand apart, with poison between.
#if defined(DLK_SANITIZE)
constexpr size_t kGap = 64;
void poison(const char* from, const char* to) { __asan_poison_memory_region(from, static_cast<size_t>(to - from)); }
#else
constexpr size_t kGap = 0;
void poison(const char*, const char*) {}
#endif

// Hands out 64-byte aligned pieces of a block; without a block it only counts. dlk.codegen.check bounds the total.
struct Arena {
  char* block;
  size_t used;

  template <class T>
  T* take(size_t count) {
    const size_t bytes = count * sizeof(T);
    char* const piece = block ? block + used : nullptr;
    used += (bytes + 63) / 64 * 64 + kGap;
    if (block) poison(piece + bytes, block + used);
    return reinterpret_cast<T*>(piece);
  }
};

int32_t code_levels(const Tensor& tensor) { return tensor.bits ? (1 << tensor.bits) - 1 : 0; }

void lay_out_tensor(const Tensor& shape, Arena& arena, Tensor* tensor) {
  const size_t values = static_cast<size_t>(shape.height) * shape.width * shape.channels;
  float* const floats = shape.bits ? nullptr : arena.take<float>(values);
  const size_t planes = static_cast<size_t>(shape.channels) * shape.bits;
  uint64_t* const words = shape.bits ? arena.take<uint64_t>((planes + 1) * shape.plane_words) : nullptr;
  if (!tensor) return;
  *tensor = shape;
  if (!shape.bits) {
    tensor->data = floats;
    return;
  }
  uint64_t* const valid = words + planes * shape.plane_words + shape.guard;
  tensor->data = words + shape.guard;
  tensor->valid = valid;
  for (int y = 0; y < shape.height; ++y) {
    for (int x = 0; x < shape.width; ++x) {
      const int64_t position = static_cast<int64_t>(y) * shape.stride + x;
      valid[position >> 6] |= uint64_t{1} << (position & 63);
    }
  }
}

ConvLists lay_out_lists(const Step& step, Arena& arena) {
  const Tensor& output = kModel.tensors[step.output];
  const size_t outputs = static_cast<size_t>(output.channels);
  const size_t groups = (outputs + step.tree.depth) / (step.tree.depth + 1);
  ConvLists lists = {};
  lists.entries = arena.take<uint32_t>(static_cast<size_t>(step.tree.entries));
  lists.group_starts = arena.take<uint32_t>(groups);
  lists.quads = arena.take<uint16_t>(groups << step.tree.depth);
  lists.offsets = arena.take<int32_t>(outputs);
  lists.mask_words = code_levels(output) * (step.tree.widths[step.tree.depth] + 1) + 1;
  lists.masks = arena.take<uint64_t>(outputs * lists.mask_words);
  return lists;
}

// Everything, in one order; `network` is filled when the arena has a block.
void lay_out(Arena& arena, Network& network) {
  Tensor* const tensors = arena.take<Tensor>(static_cast<size_t>(kModel.tensor_count));
  ConvLists* const lists = arena.take<ConvLists>(static_cast<size_t>(kModel.step_count));
  for (int32_t i = 0; i < kModel.tensor_count; ++i) {
    lay_out_tensor(kModel.tensors[i], arena, tensors ? tensors + i : nullptr);
  }
  size_t scratch_bytes = 0;
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    const Step& step = kModel.steps[i];
    if (step.scratch_bytes > scratch_bytes) scratch_bytes = step.scratch_bytes;
    if (!step.sign_words) continue;
    const ConvLists step_lists = lay_out_lists(step, arena);
    if (lists) lists[i] = step_lists;
  }
  char* const scratch = arena.take<char>(scratch_bytes);
  if (!arena.block) return;
  network.tensors = tensors;
  network.lists = lists;
  network.scratch = scratch;
  network.output = static_cast<float*>(tensors[kModel.output].data);
}

}  // namespace

dlk_status prepare(Network& network, const Isa& isa) {
  Arena measure = {nullptr, 0};
  lay_out(measure, network);
  free(network.memory);  // of an attempt that failed
  network.memory = calloc(1, measure.used + 64);
  if (!network.memory) return fail(network, DLK_OUT_OF_MEMORY);
  const size_t misaligned = reinterpret_cast<uintptr_t>(network.memory) % 64;
  Arena arena = {static_cast<char*>(network.memory) + (64 - misaligned), 0};
  lay_out(arena, network);
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    const Step& step = kModel.steps[i];
    if (!step.sign_words) continue;
    const Tensor& input = network.tensors[step.input];
    const Tensor& output = network.tensors[step.output];
    if (!build_class_lists(step, input, output, isa.lanes, network.lists[i])) {
      return fail(network, DLK_CORRUPT_MODEL, step.name);
    }
  }
  return DLK_OK;
}

}  // namespace dlk
