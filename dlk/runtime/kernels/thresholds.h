// From comparisons to codes. Thresholds ascend, so the comparisons nest, and bit b of the number of those that hold is
// the exclusive or of every 2^b-th one.
#pragma once

#include "counter.h"

namespace dlk {
namespace DLK_NAMESPACE {

// above[i] for Levels thresholds: value > threshold, plane by plane from the lowest. masks: [Levels, Width], the
// complemented bits of the threshold; both numbers have their sign plane inverted, which makes them unsigned.
template <int Levels, int Width, int Plane = 0, int I = 0>
DLK_INLINE void compare(Vec (&above)[Levels], const Counter<Width>& value, const uint64_t* masks) {
  if constexpr (Plane < Width) {
    if constexpr (I < Levels) {
      const Vec mask = Vec{} + masks[I * Width + Plane];
      const Vec bit = Plane == Width - 1 ? ~value.plane[Plane] : value.plane[Plane];
      above[I] = Plane == 0 ? bit & mask : majority(above[I], bit, mask);
      compare<Levels, Width, Plane, I + 1>(above, value, masks);
    } else {
      compare<Levels, Width, Plane + 1, 0>(above, value, masks);
    }
  }
}

// Bit Bit of the number of comparisons that hold.
template <int Bit, int Levels, class V, int I = (1 << Bit) - 1>
DLK_INLINE V count_bit(const V (&above)[Levels]) {
  if constexpr (I + (1 << Bit) < Levels) {
    return above[I] ^ count_bit<Bit, Levels, V, I + (1 << Bit)>(above);
  } else {
    return above[I];
  }
}

// Calls store(bit, plane) for each bit of the code.
template <int Bits, int Bit = 0, class V, int Levels, class Store>
DLK_INLINE void store_code(const V (&above)[Levels], const Store& store) {
  if constexpr (Bit < Bits) {
    store(Bit, count_bit<Bit>(above));
    store_code<Bits, Bit + 1>(above, store);
  }
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
