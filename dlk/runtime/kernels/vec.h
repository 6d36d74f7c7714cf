// The vector types and the few operations that each instruction set does in its own way.
//
// The including file defines DLK_NAMESPACE, DLK_LANES and DLK_PREFETCH. Everything below lives in that namespace and
// calls nothing outside of it: see src/model.h.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "../src/model.h"
#include "tuning.h"

#define DLK_INLINE inline __attribute__((always_inline))
#define DLK_NOINLINE __attribute__((noinline))

namespace dlk {
namespace DLK_NAMESPACE {

constexpr int kPixels = 64 * kLanes;  // pixels of a vector

typedef uint64_t Vec __attribute__((vector_size(8 * kLanes)));
typedef uint32_t Words __attribute__((vector_size(4 * kWords)));
typedef int32_t Ints __attribute__((vector_size(4 * kWords)));
typedef float WordFloats __attribute__((vector_size(4 * kWords)));
typedef float Floats __attribute__((vector_size(4 * kFloats)));
typedef uint32_t FloatBits __attribute__((vector_size(4 * kFloats)));

template <class T>
DLK_INLINE T load(const void* from) {
  T value;
  memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
DLK_INLINE void store(void* to, T value) {
  memcpy(to, &value, sizeof value);
}

// A step's kernel is a struct with these two functions; see StepKernel.
template <class K>
constexpr StepKernel kernel() {
  return {&K::items, &K::run};
}

// How many tiles of `pixels` positions cover rows of `stride`.
DLK_INLINE int64_t tiles(int height, int stride, int64_t pixels = kPixels) {
  return (static_cast<int64_t>(height) * stride + pixels - 1) / pixels;
}

// The same for the stream of a tensor of codes.
DLK_INLINE int64_t tiles(const Tensor& tensor, int64_t pixels = kPixels) {
  return tiles(tensor.height, tensor.stride, pixels);
}

// Plane `bit` of a channel.
DLK_INLINE uint64_t* plane_of(const Tensor& tensor, int channel, int bit) {
  return static_cast<uint64_t*>(tensor.data) + (static_cast<int64_t>(channel) * tensor.bits + bit) * tensor.plane_words;
}

#if defined(__ARM_NEON) && DLK_LANES == 2
// Bits of a where the mask is set, of b elsewhere, in one operation. On AArch64 the compiler would make and, and, or of
// it where it sees what the mask is.
DLK_INLINE Vec bit_select(Vec& mask, Vec a, Vec b) {
#if defined(__aarch64__)
  asm("" : "+w"(mask));
#endif
  return (Vec)vbslq_u64((uint64x2_t)mask, (uint64x2_t)a, (uint64x2_t)b);
}
#endif

// Majority of three bits.
DLK_INLINE Vec majority(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__) && DLK_LANES == 8
  return (Vec)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0xE8);
#elif defined(__ARM_NEON) && DLK_LANES == 2
  Vec differ = a ^ b;
  return bit_select(differ, c, a);
#else
  return ((a ^ b) & c) | (a & b);
#endif
}

// Bits of a where the mask is set, of b elsewhere.
DLK_INLINE Vec select(Vec mask, Vec a, Vec b) {
#if defined(__ARM_NEON) && DLK_LANES == 2
  return bit_select(mask, a, b);
#else
  return (a & mask) | (b & ~mask);
#endif
}

// Adds bits a and b to plane sum and returns the carry.
DLK_INLINE Vec full_add(Vec& sum, Vec a, Vec b) {
#if defined(__AVX512F__) && DLK_LANES == 8
  const Vec carry = majority(sum, a, b);
  sum = (Vec)_mm512_ternarylogic_epi64((__m512i)sum, (__m512i)a, (__m512i)b, 0x96);
  return carry;
#elif defined(__ARM_NEON) && DLK_LANES == 2
  Vec differ = sum ^ a;
  const Vec carry = bit_select(differ, b, a);
  sum = differ ^ b;
  return carry;
#else
  const Vec differ = sum ^ a;
  const Vec carry = a ^ (differ & (a ^ b));
  sum = differ ^ b;
  return carry;
#endif
}

// Adds bit a to plane sum and returns the carry.
DLK_INLINE Vec half_add(Vec& sum, Vec a) {
  const Vec carry = sum & a;
  sum ^= a;
  return carry;
}

// Loads a plane that is used twice; the empty statement keeps the compiler from loading it twice.
DLK_INLINE Vec load_once(const char* from) {
  Vec value = load<Vec>(__builtin_assume_aligned(from, sizeof(Vec)));
#if defined(__x86_64__) && DLK_LANES == 8
  asm("" : "+v"(value));
#elif defined(__x86_64__) && DLK_LANES > 1
  asm("" : "+x"(value));
#endif
  return value;
}

// The even bits of a word, side by side.
DLK_INLINE uint32_t squeeze(uint64_t word) {
#if defined(__BMI2__)
  return static_cast<uint32_t>(_pext_u64(word, 0x5555555555555555u));
#else
  word &= 0x5555555555555555u;
  word = (word | word >> 1) & 0x3333333333333333u;
  word = (word | word >> 2) & 0x0f0f0f0f0f0f0f0fu;
  word = (word | word >> 4) & 0x00ff00ff00ff00ffu;
  word = (word | word >> 8) & 0x0000ffff0000ffffu;
  return static_cast<uint32_t>(word | word >> 16);
#endif
}

// The inverse of squeeze: bit i goes to bit 2i.
DLK_INLINE uint64_t spread(uint32_t half) {
#if defined(__BMI2__)
  return _pdep_u64(half, 0x5555555555555555u);
#else
  uint64_t word = half;
  word = (word | word << 16) & 0x0000ffff0000ffffu;
  word = (word | word << 8) & 0x00ff00ff00ff00ffu;
  word = (word | word << 4) & 0x0f0f0f0f0f0f0f0fu;
  word = (word | word << 2) & 0x3333333333333333u;
  return (word | word << 1) & 0x5555555555555555u;
#endif
}

// The bits of two words in turn, `even` first: 128 bits in two words.
struct TwoWords {
  uint64_t low;
  uint64_t high;
};

DLK_INLINE TwoWords interleave(uint64_t even, uint64_t odd) {
#if defined(__ARM_NEON)
  // A table spreads four bits at a time; a third of the time that shifts and masks take.
  const uint8x16_t spread_bits = {0x00, 0x01, 0x04, 0x05, 0x10, 0x11, 0x14, 0x15,
                                  0x40, 0x41, 0x44, 0x45, 0x50, 0x51, 0x54, 0x55};
  const uint8x8_t a = vcreate_u8(even);
  const uint8x8_t b = vcreate_u8(odd);
#if defined(__aarch64__)
  const auto look_up = [&](uint8x8_t index) { return vqtbl1_u8(spread_bits, index); };
#else
  const uint8x8x2_t halves = {{vget_low_u8(spread_bits), vget_high_u8(spread_bits)}};
  const auto look_up = [&](uint8x8_t index) { return vtbl2_u8(halves, index); };
#endif
  const auto both = [&](uint8x8_t of_even, uint8x8_t of_odd) {
    return vorr_u8(look_up(of_even), vshl_n_u8(look_up(of_odd), 1));
  };
  const uint8x8_t mask = vdup_n_u8(15);
  const uint8x8x2_t bytes = vzip_u8(both(vand_u8(a, mask), vand_u8(b, mask)), both(vshr_n_u8(a, 4), vshr_n_u8(b, 4)));
  return {vget_lane_u64(vreinterpret_u64_u8(bytes.val[0]), 0), vget_lane_u64(vreinterpret_u64_u8(bytes.val[1]), 0)};
#else
  return {spread(static_cast<uint32_t>(even)) | spread(static_cast<uint32_t>(odd)) << 1,
          spread(static_cast<uint32_t>(even >> 32)) | spread(static_cast<uint32_t>(odd >> 32)) << 1};
#endif
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
