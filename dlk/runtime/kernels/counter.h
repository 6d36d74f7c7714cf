// Bit-sliced numbers: plane p of a Counter holds bit p of one number a pixel.
//
// All indices are template arguments, so that both compilers keep the planes in registers.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

template <int Width>
struct Counter {
  Vec plane[Width];
};

// While inputs are added, column p of the sum is empty (nothing was added to it yet) or not, and one bit may wait in
// it for a partner, since a full adder takes two. Which is the case is known when compiling: the high half of a
// Columns value has a bit for each empty column, the low half one for each column where a bit waits.
using Columns = uint64_t;
constexpr Columns kAllEmpty = 0xffffffff00000000u;
constexpr Columns kNoneEmpty = 0;

constexpr bool is_empty(Columns columns, int column) { return columns >> (32 + column) & 1; }
constexpr bool is_waiting(Columns columns, int column) { return columns >> column & 1; }
constexpr Columns flip_empty(Columns columns, int column) { return columns ^ Columns{1} << (32 + column); }
constexpr Columns flip_waiting(Columns columns, int column) { return columns ^ Columns{1} << column; }

// The columns after a bit was put into one of them by put_bit.
constexpr Columns after_bit(Columns columns, int column, int width) {
  if (column >= width) return columns;
  if (is_empty(columns, column)) return flip_empty(columns, column);
  if (column == width - 1) return columns;
  if (!is_waiting(columns, column)) return flip_waiting(columns, column);
  return after_bit(flip_waiting(columns, column), column + 1, width);
}

// Adds a bit of weight 2^Column to the sum. A carry out of the last column is known to be zero.
template <Columns kColumns, int Column, int Width>
DLK_INLINE void put_bit(Counter<Width>& sum, Counter<Width>& waiting, Vec bit) {
  if constexpr (Column < Width) {
    if constexpr (is_empty(kColumns, Column)) {
      sum.plane[Column] = bit;
    } else if constexpr (Column == Width - 1) {
      sum.plane[Column] ^= bit;
    } else if constexpr (!is_waiting(kColumns, Column)) {
      waiting.plane[Column] = bit;
    } else {
      const Vec carry = full_add(sum.plane[Column], waiting.plane[Column], bit);
      put_bit<flip_waiting(kColumns, Column), Column + 1>(sum, waiting, carry);
    }
  }
}

// Adds the bits that still wait and clears the columns that are still empty.
template <Columns kColumns, int Column, int Width>
DLK_INLINE void settle(Counter<Width>& sum, Counter<Width>& waiting) {
  if constexpr (Column < Width) {
    if constexpr (is_empty(kColumns, Column)) {
      sum.plane[Column] = Vec{};
      settle<kColumns, Column + 1>(sum, waiting);
    } else if constexpr (is_waiting(kColumns, Column)) {
      constexpr Columns rest = flip_waiting(kColumns, Column);
      const Vec carry = half_add(sum.plane[Column], waiting.plane[Column]);
      put_bit<rest, Column + 1>(sum, waiting, carry);
      settle<after_bit(rest, Column + 1, Width), Column + 1>(sum, waiting);
    } else {
      settle<kColumns, Column + 1>(sum, waiting);
    }
  }
}

// Adds the first Inputs numbers of a list, each of Bits planes, to the sum.
template <int Inputs, int Bits, Columns kColumns, int Item = 0, int Width>
DLK_INLINE void add_inputs(Counter<Width>& sum, Counter<Width>& waiting, const char* taps, const uint32_t* entries) {
  if constexpr (Item < Inputs * Bits) {
    constexpr int plane = Item % Bits;
    put_bit<kColumns, plane>(sum, waiting, load_once(taps + entries[Item / Bits] + plane * sizeof(Vec)));
    add_inputs<Inputs, Bits, after_bit(kColumns, plane, Width), Item + 1>(sum, waiting, taps, entries);
  } else {
    settle<kColumns, 0>(sum, waiting);
  }
}

// result = a + b, from plane Plane up; the sum is known to fit into the result.
template <int Plane = 0, int Width, int WidthA, int WidthB>
DLK_INLINE void add(Counter<Width>& result, const Counter<WidthA>& a, const Counter<WidthB>& b, Vec carry = Vec{}) {
  if constexpr (Plane < Width) {
    constexpr bool last = Plane == Width - 1;
    Vec sum = Vec{};
    Vec next = Vec{};
    if constexpr (Plane < WidthA && Plane < WidthB) {
      sum = a.plane[Plane];
      if constexpr (last) {
        sum ^= b.plane[Plane] ^ carry;
      } else if constexpr (Plane == 0) {
        next = half_add(sum, b.plane[Plane]);
      } else {
        next = full_add(sum, b.plane[Plane], carry);
      }
    } else if constexpr (Plane < WidthA) {
      sum = a.plane[Plane];
      next = half_add(sum, carry);
    } else if constexpr (Plane < WidthB) {
      sum = b.plane[Plane];
      next = half_add(sum, carry);
    } else {
      sum = carry;
    }
    result.plane[Plane] = sum;
    add<Plane + 1>(result, a, b, next);
  }
}

// result = 2 * m - t in two's complement, one plane more than m and t have.
template <int Plane = 0, int Width>
DLK_INLINE void twice_minus(Counter<Width + 1>& result, const Counter<Width>& m, const Counter<Width>& t,
                            Vec carry = Vec{}) {
  if constexpr (Plane == 0) {  // 0 + ~t + 1
    result.plane[0] = t.plane[0];
    twice_minus<1>(result, m, t, ~t.plane[0]);
  } else if constexpr (Plane < Width) {
    const Vec next = majority(m.plane[Plane - 1], ~t.plane[Plane], carry);
    result.plane[Plane] = m.plane[Plane - 1] ^ ~t.plane[Plane] ^ carry;
    twice_minus<Plane + 1>(result, m, t, next);
  } else {  // the sign: ~t continues with ones
    result.plane[Plane] = ~(m.plane[Plane - 1] ^ carry);
  }
}

// result = a + b - t in two's complement, for a and b of at most t. Two carries run: of a + b, and of the rest.
template <int Plane = 0, int Width>
DLK_INLINE void pair_minus(Counter<Width + 1>& result, const Counter<Width>& a, const Counter<Width>& b,
                           const Counter<Width>& t, Vec pair = Vec{}, Vec carry = ~Vec{}) {
  if constexpr (Plane < Width) {
    Vec sum = a.plane[Plane];
    const Vec next = Plane == 0 ? half_add(sum, b.plane[Plane]) : full_add(sum, b.plane[Plane], pair);
    const Vec over = full_add(sum, ~t.plane[Plane], carry);
    result.plane[Plane] = sum;
    pair_minus<Plane + 1>(result, a, b, t, next, over);
  } else {  // the sign: ~t continues with ones
    result.plane[Width] = ~(pair ^ carry);
  }
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
