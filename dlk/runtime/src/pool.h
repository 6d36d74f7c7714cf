// The threads that help the calling one.
#pragma once

#include "model.h"

namespace dlk {

constexpr int32_t kMaxThreads = 64;

struct Pool;

// Starts threads - 1 helpers, each with scratch memory of its own; null when a thread or memory is not to be had.
Pool* pool_create(int32_t threads, size_t scratch);

// Ends the helpers. A pool that a forked child inherited has none: it is left as it is, since its locks may be held by
// threads that do not exist there.
void pool_delete(Pool* pool);

// The pool's threads are those of this process, not of the one it was forked from.
bool pool_is_ours(const Pool* pool);

int32_t pool_threads(const Pool* pool);

// Runs all items of a step on the calling thread, with call.scratch, and on the helpers; returns when all are done.
void pool_run(Pool& pool, const StepKernel& kernel, const StepCall& call, int64_t items);

}  // namespace dlk
