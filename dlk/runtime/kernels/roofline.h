// What bounds a step on one thread: additions of bits, multiply-adds of floats, and reading.
//
// Each function loads its operands from `state` and stores what it computed there, so that no compiler can know the
// values or leave the work out; in between everything stays in registers. Chains of dependent operations run side by
// side, as many as hide the latency of one and still fit into 16 registers.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

constexpr int kAddChains = 4;
constexpr int kFloatChains = 12;
constexpr int kReadChains = 4;

// state: Vec sums [kAddChains], then carries [kAddChains], then one more operand.
inline void roofline_add_bits(char* state, int64_t rounds) {
  Vec sum[kAddChains];
  Vec carry[kAddChains];
  memcpy(sum, state, sizeof sum);
  memcpy(carry, state + sizeof sum, sizeof carry);
  const Vec bit = load<Vec>(state + sizeof sum + sizeof carry);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 4
    for (int c = 0; c < kAddChains; ++c) carry[c] = full_add(sum[c], carry[c], bit);
  }
  memcpy(state, sum, sizeof sum);
  memcpy(state + sizeof sum, carry, sizeof carry);
}

// state: Floats values [kFloatChains], then factor and summand; the values approach summand / (1 - factor).
inline void roofline_multiply_add(char* state, int64_t rounds) {
  Floats value[kFloatChains];
  memcpy(value, state, sizeof value);
  const Floats factor = load<Floats>(state + sizeof value);
  const Floats summand = load<Floats>(state + sizeof value + sizeof(Floats));
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kFloatChains; ++c) value[c] = value[c] * factor + summand;
  }
  memcpy(state, value, sizeof value);
}

// Adds up `bytes` bytes, of which those beyond whole rounds of the chains are left out, `rounds` times.
inline void roofline_read(char* state, const char* from, int64_t bytes, int64_t rounds) {
  constexpr int64_t step = kReadChains * sizeof(Vec);
  Vec sum[kReadChains];
  memcpy(sum, state, sizeof sum);
  for (int64_t i = 0; i < rounds; ++i) {
    for (int64_t at = 0; at + step <= bytes; at += step) {
#pragma GCC unroll 4
      for (int c = 0; c < kReadChains; ++c) sum[c] += load<Vec>(from + at + c * sizeof(Vec));
    }
    memcpy(state, sum, sizeof sum);
    asm volatile("" : : "r"(state), "r"(from) : "memory");  // the buffer may have changed: read it again
  }
}

const Roofline kRoofline = {kAddChains * int64_t{kPixels}, kFloatChains * int64_t{kFloats}, &roofline_add_bits,
                            &roofline_multiply_add, &roofline_read};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
