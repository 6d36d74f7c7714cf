// How long steps take, and what bounds them on this machine.
#include "profile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export.h"
#include "float_mode.h"
#include "network.h"

namespace dlk {
namespace {

double clock_seconds(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

constexpr clockid_t kClocks[] = {CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID};  // the rows of Network::seconds

constexpr double kLeastSeconds = 0.01;  // of one attempt: far more than the clock's step
constexpr int kAttempts = 5;
constexpr int64_t kMostRounds = int64_t{1} << 40;
constexpr size_t kStateBytes = 1024;  // 14 vectors of 64 bytes fit

// Rounds of work in a second of CPU time: the best of several attempts, since whatever disturbs one makes it slower.
template <class Work>
double rounds_per_second(const Work& work) {
  int64_t rounds = 1;
  double best = 0;
  for (int attempt = 0; attempt < kAttempts;) {
    const double start = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
    work(rounds);
    const double seconds = clock_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    if (seconds < kLeastSeconds && rounds < kMostRounds) {
      rounds *= 2;
      continue;
    }
    ++attempt;
    if (static_cast<double>(rounds) > best * seconds) best = static_cast<double>(rounds) / seconds;
  }
  return best;
}

int64_t largest_step() {
  int64_t most = 4096;
  for (int32_t i = 0; i < kModel.step_count; ++i) {
    const int64_t bytes = kFacts[i].bytes_read + kFacts[i].bytes_written;
    if (bytes > most) most = bytes;
  }
  return most / 4096 * 4096;  // whole rounds of reading
}

// state: 64-byte aligned. Half and one, repeated, are bits like any other and floats that stay normal.
void fill(char* state) {
  const float half = 0.5f;
  for (size_t i = 0; i < kStateBytes; i += sizeof half) memcpy(state + i, &half, sizeof half);
}

void measure(const Roofline& roofline, char* state, const char* buffer, int64_t bytes, double* results) {
  const FloatMode mode = enter_float_mode();
  fill(state);
  const auto add_bits = [&](int64_t rounds) { roofline.add_bits(state, rounds); };
  results[0] = rounds_per_second(add_bits) * static_cast<double>(roofline.bit_adds);
  fill(state);
  const auto multiply_add = [&](int64_t rounds) { roofline.multiply_add(state, rounds); };
  results[1] = rounds_per_second(multiply_add) * static_cast<double>(roofline.macs);
  const auto read = [&](int64_t rounds) { roofline.read(state, buffer, bytes, rounds); };
  results[2] = rounds_per_second(read) * static_cast<double>(bytes);
  leave_float_mode(mode);
}

dlk_status copy_seconds(const Network* network, int clock, double* seconds) {
  if (!network || !seconds) return DLK_NULL_POINTER;
  if (!network->timed) return DLK_NOT_AVAILABLE;
  const size_t count = static_cast<size_t>(kModel.step_count);
  memcpy(seconds, network->seconds + count * clock, count * sizeof(double));
  return DLK_OK;
}

}  // namespace

void begin_step(Network& network, int32_t step) {
  double* seconds = network.seconds + step;
  for (const clockid_t clock : kClocks) {
    *seconds = -clock_seconds(clock);
    seconds += kModel.step_count;
  }
}

void end_step(Network& network, int32_t step) {
  double* seconds = network.seconds + step;
  for (const clockid_t clock : kClocks) {
    *seconds += clock_seconds(clock);
    seconds += kModel.step_count;
  }
}

}  // namespace dlk

using namespace dlk;

DLK_EXPORT int32_t dlk_step_count(void) { return kModel.step_count; }

DLK_EXPORT dlk_status dlk_step_info(int32_t index, dlk_step_facts* facts) {
  if (!facts) return DLK_NULL_POINTER;
  if (index < 0 || index >= kModel.step_count) return DLK_NOT_AVAILABLE;
  *facts = kFacts[index];
  return DLK_OK;
}

DLK_EXPORT dlk_status dlk_set_timing(Network* network, bool on) {
  if (!network) return DLK_NULL_POINTER;
  network->error[0] = 0;
  if (on && !network->seconds) {
    network->seconds = static_cast<double*>(
        calloc(static_cast<size_t>(kModel.step_count), sizeof kClocks / sizeof *kClocks * sizeof(double)));
    if (!network->seconds) return fail(*network, DLK_OUT_OF_MEMORY);
  }
  network->timing = on;
  return DLK_OK;
}

DLK_EXPORT dlk_status dlk_step_seconds(const Network* network, double* seconds) {
  return copy_seconds(network, 0, seconds);
}

DLK_EXPORT dlk_status dlk_step_cpu_seconds(const Network* network, double* seconds) {
  return copy_seconds(network, 1, seconds);
}

DLK_EXPORT dlk_status dlk_measure_roofline(Network* network, double* bit_adds_per_second, double* macs_per_second,
                                           double* bytes_per_second) {
  if (!network) return DLK_NULL_POINTER;
  network->error[0] = 0;
  if (!network->isa) return fail(*network, DLK_NOT_INITIALIZED);
  if (!bit_adds_per_second || !macs_per_second || !bytes_per_second) return fail(*network, DLK_NULL_POINTER);
  const int64_t bytes = largest_step();
  const size_t total = 64 + kStateBytes + static_cast<size_t>(bytes);
  char* const block = static_cast<char*>(malloc(total));
  if (!block) return fail(*network, DLK_OUT_OF_MEMORY);
  memset(block, 1, total);  // pages that nothing was written to would all be one page of zeros
  char* const state = block + (64 - reinterpret_cast<uintptr_t>(block) % 64);
  double results[3];
  measure(*network->isa->roofline, state, state + kStateBytes, bytes, results);
  free(block);
  *bit_adds_per_second = results[0];
  *macs_per_second = results[1];
  *bytes_per_second = results[2];
  return DLK_OK;
}
