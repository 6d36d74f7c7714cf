// The inputs of a convolution for one tile: the bit-planes shifted by each kernel position, and their complements.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

// A vector of bits that begins `bit` bits (possibly negative) after the word `plane`.
DLK_INLINE Vec load_bits(const uint64_t* plane, int64_t bit) {
  const uint64_t* word = plane + (bit >> 6);
  const int shift = static_cast<int>(bit & 63);
  const Vec low = load<Vec>(word);
  const Vec high = load<Vec>(word + 1);
  return (low >> shift) | ((high << 1) << (63 - shift));
}

// Writes the taps of K = channels * kernel^2 inputs: input i = (channel * kernel + ky) * kernel + kx with its Bits
// planes at i, its complement at K + i, and a zero input at 2K. The complement of padding is n, as it must be: the
// constant that the lists subtract counts padded inputs too.
template <int Bits>
DLK_INLINE void write_taps(const Tensor& input, int kernel, int64_t tile, char* taps) {
  const int reach = kernel / 2;
  const int64_t inputs = static_cast<int64_t>(input.channels) * kernel * kernel;
  const uint64_t* plane = static_cast<const uint64_t*>(input.data);
  Vec* tap = reinterpret_cast<Vec*>(taps);
  Vec* complement = tap + inputs * Bits;
  for (int channel = 0; channel < input.channels; ++channel, plane += Bits * input.plane_words) {
    for (int ky = -reach; ky <= reach; ++ky) {
      for (int kx = -reach; kx <= reach; ++kx) {
        const int64_t bit = tile * kPixels + static_cast<int64_t>(ky) * input.stride + kx;
        for (int b = 0; b < Bits; ++b) {
          const Vec value = load_bits(plane + static_cast<int64_t>(b) * input.plane_words, bit);
          *tap++ = value;
          *complement++ = ~value;
        }
      }
    }
  }
  for (int b = 0; b < Bits; ++b) *complement++ = Vec{};
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
