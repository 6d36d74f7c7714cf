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

// Entry Input of a list. `pair` keeps what was loaded for an even entry for the odd one behind it.
template <int Input>
DLK_INLINE size_t entry_at(const uint16_t* entries, uint32_t& pair) {
  if constexpr (!kLoadPairs) return entries[Input];
  if constexpr (Input % 2 == 0) pair = load<uint32_t>(entries + Input);
  return Input % 2 ? pair >> 16 : pair & 0xffff;
}

// Adds the first Inputs numbers of a list, each of Bits planes, to the sum. Ahead: ask for the taps of later entries.
template <int Inputs, int Bits, bool Ahead, Columns kColumns, int Item = 0, int Width>
DLK_INLINE void add_inputs(Counter<Width>& sum, Counter<Width>& waiting, const char* taps, const uint16_t* entries,
                           const char* tap = nullptr, uint32_t pair = 0, uint32_t ahead = 0) {
  if constexpr (Item < Inputs * Bits) {
    constexpr int input = Item / Bits;
    constexpr int plane = Item % Bits;
    constexpr size_t tap_bytes = Bits * sizeof(Vec);
    if constexpr (plane == 0) {
      if constexpr (Ahead) __builtin_prefetch(taps + entry_at<input>(entries + kEntriesAhead, ahead) * tap_bytes);
      tap = taps + entry_at<input>(entries, pair) * tap_bytes;
    }
    put_bit<kColumns, plane>(sum, waiting, load_once(tap + plane * sizeof(Vec)));
    add_inputs<Inputs, Bits, Ahead, after_bit(kColumns, plane, Width), Item + 1>(sum, waiting, taps, entries, tap, pair,
                                                                                 ahead);
  } else {
    settle<kColumns, 0>(sum, waiting);
  }
}

// Adds two numbers of In planes, plane by plane from the lowest, into one of Out planes, which is known to hold their
// sum.
template <int In, int Out>
struct Adder {
  Vec carry = Vec{};

  template <int Plane>
  DLK_INLINE Vec next(Vec a, Vec b) {
    if constexpr (Plane >= In) {
      return Plane == In ? carry : Vec{};
    } else if constexpr (Plane == Out - 1) {
      return Plane == 0 ? a ^ b : a ^ b ^ carry;
    } else {
      carry = Plane == 0 ? half_add(a, b) : full_add(a, b, carry);
      return a;
    }
  }
};

// result = a + b
template <int Plane = 0, int Out, int In>
DLK_INLINE void add(Counter<Out>& result, const Counter<In>& a, const Counter<In>& b,
                    Adder<In, Out> adder = Adder<In, Out>()) {
  if constexpr (Plane < Out) {
    constexpr int plane = Plane < In ? Plane : 0;
    result.plane[Plane] = adder.template next<Plane>(a.plane[plane], b.plane[plane]);
    add<Plane + 1>(result, a, b, adder);
  }
}

// result = 2 * m - t in two's complement, one plane more than m and t have.
template <int Plane = 0, int Width>
DLK_INLINE void twice_minus(Counter<Width + 1>& result, const Counter<Width>& m, const Counter<Width>& t,
                            Vec borrow = Vec{}) {
  if constexpr (Plane == 0) {
    result.plane[0] = t.plane[0];
    twice_minus<1>(result, m, t, t.plane[0]);
  } else if constexpr (Plane < Width) {
    const Vec differ = m.plane[Plane - 1] ^ t.plane[Plane];
    result.plane[Plane] = differ ^ borrow;
    twice_minus<Plane + 1>(result, m, t, select(differ, t.plane[Plane], borrow));
  } else {
    result.plane[Plane] = m.plane[Plane - 1] ^ borrow;
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
