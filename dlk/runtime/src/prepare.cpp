// Memory of a network: one block, laid out twice by the same code, first to measure it, then to fill it.
//
// The tensors stand where the converter's plan put them, one above the other where their times do not overlap.
#include <string.h>

#include "network.h"

#if defined(DLK_SANITIZE)
#include <sanitizer/asan_interface.h>
#endif

namespace dlk {
namespace {

// Pieces of one block look like one object to AddressSanitizer: for its sake they stand apart, with poison between.
// The tensors are poisoned step by step, see run.cpp.
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

// The stream of ones where a tensor has pixels; tensors of one shape and stride share it.
const uint64_t* lay_out_valid(int32_t number, Arena& arena, const Tensor* tensors) {
  const Tensor& shape = kModel.tensors[number];
  for (int32_t i = 0; i < number; ++i) {
    const Tensor& other = kModel.tensors[i];
    const bool alike = other.bits && other.height == shape.height && other.width == shape.width;
    if (alike && other.stride == shape.stride) return tensors ? tensors[i].valid : nullptr;
  }
  const size_t words = (static_cast<size_t>(shape.height) * shape.stride + 511) / 512 * 8;  // whole vectors
  uint64_t* const valid = arena.take<uint64_t>(words);
  if (!valid) return nullptr;
  for (int y = 0; y < shape.height; ++y) {
    for (int x = 0; x < shape.width; ++x) {
      const int64_t position = static_cast<int64_t>(y) * shape.stride + x;
      valid[position >> 6] |= uint64_t{1} << (position & 63);
    }
  }
  return valid;
}

ConvLists lay_out_lists(const Step& step, Arena& arena) {
  const Tensor& output = kModel.tensors[step.output];
  const size_t outputs = static_cast<size_t>(output.channels);
  const size_t groups = (outputs * step.tree.signs + step.tree.depth) / (step.tree.depth + 1);
  ConvLists lists = {};
  lists.entries = arena.take<uint16_t>(static_cast<size_t>(step.tree.entries + kEntriesAhead));
  lists.group_starts = arena.take<uint32_t>(groups);
  lists.steps = arena.take<uint16_t>(groups << step.tree.depth);
  lists.offsets = arena.take<int32_t>(outputs);
  lists.mask_words = code_levels(output) * (step.tree.widths[step.tree.depth] + 1) + 1;
  lists.masks = arena.take<uint64_t>(outputs * lists.mask_words);
  return lists;
}

// Everything, in one order; `network` is filled when the arena has a block.
void lay_out(Arena& arena, Network& network) {
  Tensor* const tensors = arena.take<Tensor>(static_cast<size_t>(kModel.tensor_count));
  ConvLists* const lists = arena.take<ConvLists>(static_cast<size_t>(kModel.step_count));
  char* const data = arena.take<char>(kModel.arena_bytes);
  for (int32_t i = 0; i < kModel.tensor_count; ++i) {
    const uint64_t* const valid = kModel.tensors[i].bits ? lay_out_valid(i, arena, tensors) : nullptr;
    if (!tensors) continue;
    tensors[i] = kModel.tensors[i];
    tensors[i].data = data + tensors[i].offset;
    tensors[i].valid = valid;
  }
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    if (!kModel.steps[i].sign_words) continue;
    const ConvLists step_lists = lay_out_lists(kModel.steps[i], arena);
    if (lists) lists[i] = step_lists;
  }
  char* const scratch = arena.take<char>(scratch_bytes());
  if (!arena.block) return;
  network.tensors = tensors;
  network.lists = lists;
  network.arena = data;
  network.scratch = scratch;
  network.output = static_cast<float*>(tensors[kModel.output].data);
}

}  // namespace

size_t scratch_bytes() {
  size_t most = 0;
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    if (kModel.steps[i].scratch_bytes > most) most = kModel.steps[i].scratch_bytes;
  }
  return most;
}

dlk_status prepare(Network& network) {
  Arena measure = {nullptr, 0};
  lay_out(measure, network);
  release(network.memory);  // of an attempt that failed
  network.memory = allocate(measure.used);
  if (!network.memory.data) return fail(network, DLK_OUT_OF_MEMORY);
  Arena arena = {network.memory.data, 0};
  lay_out(arena, network);
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    const Step& step = kModel.steps[i];
    if (!step.sign_words) continue;
    const Tensor& input = network.tensors[step.input];
    const Tensor& output = network.tensors[step.output];
    if (!build_class_lists(step, input, output, network.lists[i])) {
      return fail(network, DLK_CORRUPT_MODEL, step.name);
    }
  }
  return DLK_OK;
}

}  // namespace dlk
