// A pool of threads for one network: helpers take ranges of items from a shared counter.
//
// Which thread computes an item changes nothing in the result, so any number of threads gives the same bits. Helpers
// look for the next step for a moment before they sleep, because the next one follows at once. Both sides announce that
// they go to sleep before they look a last time, in sequentially consistent order, so that no waking is lost.
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block.h"
#include "float_mode.h"

namespace dlk {
namespace {

constexpr int kLooks = 4000;        // before sleeping, some tens of microseconds
constexpr int64_t kRangesEach = 4;  // of a thread: the last ones to finish wait for a quarter of their work at most

template <class T>
T get(const T& value) {
  return __atomic_load_n(&value, __ATOMIC_SEQ_CST);
}

template <class T>
void set(T& to, T value) {
  __atomic_store_n(&to, value, __ATOMIC_SEQ_CST);
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

// Waiting for a number to change, by looking, then by sleeping.
struct Signal {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int32_t sleepers;

  bool create() {
    if (pthread_mutex_init(&mutex, nullptr)) return false;
    if (!pthread_cond_init(&changed, nullptr)) return true;
    pthread_mutex_destroy(&mutex);
    return false;
  }

  void destroy() {
    pthread_cond_destroy(&changed);
    pthread_mutex_destroy(&mutex);
  }

  template <class Done>
  void wait(const Done& done) {
    for (int look = 0; look < kLooks; ++look) {
      if (done()) return;
      relax();
    }
    pthread_mutex_lock(&mutex);
    __atomic_fetch_add(&sleepers, 1, __ATOMIC_SEQ_CST);
    while (!done()) pthread_cond_wait(&changed, &mutex);
    __atomic_fetch_sub(&sleepers, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&mutex);
  }

  // After the number was set.
  void wake() {
    if (!get(sleepers)) return;
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
};

struct Job {
  const StepKernel* kernel;
  StepCall call;
  int64_t items;
  int64_t range;
};

}  // namespace

struct Helper {
  pthread_t thread;
  Pool* pool;
  char* scratch;
};

struct Pool {
  pid_t owner;
  int32_t helpers;
  Helper* helper;  // [helpers]
  Block memory;
  Job job;
  uint32_t turn;    // raised for each job
  uint32_t next;    // the next range that nobody took
  int32_t working;  // helpers that have not finished the job
  int32_t stopping;
  Signal begin;
  Signal end;
};

namespace {

void take_ranges(Pool& pool, char* scratch) {
  const Job job = pool.job;
  StepCall call = job.call;
  call.scratch = scratch;
  for (;;) {
    const int64_t first = job.range * __atomic_fetch_add(&pool.next, 1u, __ATOMIC_RELAXED);
    if (first >= job.items) return;
    job.kernel->run(call, first, first + job.range < job.items ? first + job.range : job.items);
  }
}

void* help(void* argument) {
  Helper& helper = *static_cast<Helper*>(argument);
  Pool& pool = *helper.pool;
  enter_float_mode();
  for (uint32_t seen = 0;;) {
    pool.begin.wait([&] { return get(pool.turn) != seen; });
    seen = get(pool.turn);
    if (get(pool.stopping)) return nullptr;
    take_ranges(pool, helper.scratch);
    if (__atomic_sub_fetch(&pool.working, 1, __ATOMIC_SEQ_CST) == 0) pool.end.wake();
  }
}

// Signals are for the program's own threads.
bool start(Helper& helper) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool started = !pthread_create(&helper.thread, nullptr, help, &helper);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void stop(Pool& pool) {
  set(pool.stopping, 1);
  __atomic_fetch_add(&pool.turn, 1u, __ATOMIC_SEQ_CST);
  pool.begin.wake();
  for (int32_t i = 0; i < pool.helpers; ++i) pthread_join(pool.helper[i].thread, nullptr);
  pool.begin.destroy();
  pool.end.destroy();
}

}  // namespace

Pool* pool_create(int32_t threads, size_t scratch) {
  const size_t line = 64;
  const size_t each = (scratch + line - 1) / line * line + line;  // a line apart, so that no two share one
  const size_t helpers = static_cast<size_t>(threads - 1);
  Pool* const pool = static_cast<Pool*>(calloc(1, sizeof(Pool)));
  if (!pool) return nullptr;
  pool->memory = allocate(helpers * (each + sizeof(Helper)));
  const bool begins = pool->memory.data && pool->begin.create();
  if (!begins || !pool->end.create()) {
    if (begins) pool->begin.destroy();
    release(pool->memory);
    free(pool);
    return nullptr;
  }
  char* const scratches = pool->memory.data;
  pool->owner = getpid();
  pool->helper = reinterpret_cast<Helper*>(scratches + helpers * each);
  for (size_t i = 0; i < helpers; ++i) {
    pool->helper[i].pool = pool;
    pool->helper[i].scratch = scratches + i * each;
    if (!start(pool->helper[i])) {
      pool_delete(pool);
      return nullptr;
    }
    ++pool->helpers;
  }
  return pool;
}

void pool_delete(Pool* pool) {
  if (!pool) return;
  if (pool_is_ours(pool)) stop(*pool);
  release(pool->memory);
  free(pool);
}

bool pool_is_ours(const Pool* pool) { return pool->owner == getpid(); }

int32_t pool_threads(const Pool* pool) { return pool->helpers + 1; }

void pool_run(Pool& pool, const StepKernel& kernel, const StepCall& call, int64_t items) {
  const int64_t ranges = kRangesEach * pool_threads(&pool);
  pool.job = {&kernel, call, items, (items + ranges - 1) / ranges};
  set(pool.next, 0u);
  set(pool.working, pool.helpers);
  __atomic_fetch_add(&pool.turn, 1u, __ATOMIC_SEQ_CST);
  pool.begin.wake();
  take_ranges(pool, call.scratch);
  pool.end.wait([&] { return get(pool.working) == 0; });
}

}  // namespace dlk
