// One run: the steps in order, each by the function of the chosen instruction set.
#include <string.h>

#include "accelerator.h"
#include "float_mode.h"
#include "network.h"

#if defined(DLK_SANITIZE)
#include <sanitizer/asan_interface.h>
#endif

namespace dlk {
namespace {

// Zeros the guards of bit-planes and what a plane's last line has behind its last row.
void clear_guards(const Tensor& tensor) {
  char* const first = static_cast<char*>(tensor.data);
  const size_t plane_bytes = tensor.plane_words * sizeof(uint64_t);
  const size_t used = static_cast<size_t>(tensor.height) * tensor.stride / 8;
  memset(first - tensor.guard * sizeof(uint64_t), 0, tensor.guard * sizeof(uint64_t));
  for (int64_t plane = 0; plane < static_cast<int64_t>(tensor.channels) * tensor.bits; ++plane) {
    memset(first + plane * plane_bytes + used, 0, plane_bytes - used);
  }
}

// A step may touch its own tensors and nothing else of the arena.
#if defined(DLK_SANITIZE)
// The bytes of a tensor in the arena, guards included.
struct Extent {
  char* begin;
  size_t size;
};

Extent extent_of(const Tensor& tensor) {
  char* const data = static_cast<char*>(tensor.data);
  const size_t pixels = static_cast<size_t>(tensor.height) * tensor.width;
  if (!tensor.bits) return {data, pixels * tensor.channels * sizeof(float)};
  const size_t planes = static_cast<size_t>(tensor.channels) * tensor.bits * tensor.plane_words;
  return {data - tensor.guard * sizeof(uint64_t), (tensor.guard + planes) * sizeof(uint64_t)};
}

void open_arena(const Network& network) { __asan_unpoison_memory_region(network.arena, kModel.arena_bytes); }

void guard_arena(const Network& network, const Tensor& input, const Tensor& output, const Tensor* second) {
  __asan_poison_memory_region(network.arena, kModel.arena_bytes);
  const Extent extents[] = {extent_of(input), extent_of(output), extent_of(second ? *second : input)};
  for (const Extent& extent : extents) {
    if (extent.begin >= network.arena && extent.begin < network.arena + kModel.arena_bytes) {
      __asan_unpoison_memory_region(extent.begin, extent.size);
    }
  }
}
#else
void open_arena(const Network&) {}
void guard_arena(const Network&, const Tensor&, const Tensor&, const Tensor*) {}
#endif

// The threads that the network shall have, or null for the calling one alone. A child of fork gets its own.
Pool* helpers_of(Network& network) {
  if (network.threads < 2) return nullptr;
  if (network.pool && pool_is_ours(network.pool)) return network.pool;
  pool_delete(network.pool);
  network.pool = pool_create(network.threads, scratch_bytes());
  return network.pool;
}

// Products are multiples of their last place, and so are their sums: with the least product from 2^-103 on, nothing but
// 0 lies below 2^-126.
bool stays_normal(const Network& network, const Step& step) {
  constexpr double least_product = 0x1p-103;
  if (step.input != kModel.input || !step.float_weights) return false;
  return static_cast<double>(network.least_input) * step.least_weight >= least_product;
}

// The one step that another device executes; it tells the trace of its layers by itself.
dlk_status execute_accelerated(Network& network) {
  const Accelerator& accelerator = *network.accelerator;
  if (network.timing) begin_step(network, kModel.accelerated_step);
  open_arena(network);
  accelerator.load(network, 0);
  dlk_status status = accelerator.start(network, 0);
  if (status == DLK_OK) status = accelerator.wait(network);
  if (status != DLK_OK) return status;
  accelerator.unload(network, 0);
  if (network.timing) end_step(network, kModel.accelerated_step);
  return network.trace ? accelerator.trace(network) : DLK_OK;
}

void execute_step(Network& network, int32_t number, Pool* pool, bool watched) {
  const Step& step = kModel.steps[number];
  const StepKernel& kernel = network.isa->steps[number];
  const Tensor& input = network.tensors[step.input];
  const Tensor& output = network.tensors[step.output];
  const Tensor* const second = step.second < 0 ? nullptr : &network.tensors[step.second];
  const bool timed = watched && network.timing;
  if (timed) begin_step(network, number);
  guard_arena(network, input, output, second);
  if (output.bits && output.reused) clear_guards(output);
  const bool normal = stays_normal(network, step);
  const StepCall call = {&step, &input, &output, second, &network.lists[number], network.scratch, normal};
  const int64_t items = kernel.items(call);
  if (pool && items > 1) {
    pool_run(*pool, kernel, call, items);
  } else {
    kernel.run(call, 0, items);
  }
  if (timed) end_step(network, number);
  const bool traced = watched && network.trace;
  if (traced && output.bits && !step.helper) network.trace(step.name, &output, network.trace_user);
}

}  // namespace

dlk_status set_threads(Network& network, int32_t threads) {
  if (threads < 1 || threads > kMaxThreads) return fail(network, DLK_THREAD_COUNT);
  pool_delete(network.pool);
  network.pool = nullptr;
  network.threads = threads;
  return helpers_of(network) || threads == 1 ? DLK_OK : fail(network, DLK_OUT_OF_MEMORY, "for the threads");
}

dlk_status execute_steps(Network& network, int32_t first, int32_t last, bool watched) {
  const FloatMode mode = enter_float_mode();
  Pool* const pool = helpers_of(network);
  dlk_status status = DLK_OK;
  for (int32_t i = first; i < last && status == DLK_OK; ++i) {
    if (i == kModel.accelerated_step) {
      status = execute_accelerated(network);
    } else {
      execute_step(network, i, pool, watched);
    }
  }
  open_arena(network);
  leave_float_mode(mode);
  return status;
}

dlk_status execute(Network& network, float* output) {
  network.tensors[kModel.output].data = output;
  const dlk_status status = execute_steps(network, 0, kModel.step_count, true);
  network.timed |= network.timing && status == DLK_OK;
  return status;
}

}  // namespace dlk
