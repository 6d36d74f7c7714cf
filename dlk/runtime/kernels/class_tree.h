// The class tree: a group of D + 1 output channels counts each of its inputs once.
//
// The last output of the group is the reference; an input with reference weight -1 enters complemented (n - a). An
// input's class then has bit j set when output j has the reference's sign, so that with T = the sum of all inputs and
// M_j = the sum of the inputs whose class has bit j set,
//     S_reference = T - constant,      S_j = 2 * M_j - T - constant.
// The 2^D classes are counted from lists, then added up a binary tree over the bits of the class number.
//
// A ternary weight is half the sum of two signs, which are neighbouring outputs u and v of one group:
//     S = (S_u + S_v) / 2 = M_u + M_v - T - constant, where M of the reference is T.
#pragma once

#include "counter.h"

namespace dlk {
namespace DLK_NAMESPACE {

// How many levels of the tree are held in registers before sums go to memory.
constexpr int kRegisterLevels = kLanes == 8 ? 2 : 0;

// How many inputs are added in one round of counting.
#ifndef DLK_ROUND
#define DLK_ROUND 16
#endif
constexpr int kRound = DLK_ROUND;

// Reads the class lists of a group in order.
struct Cursor {
  const char* taps;
  const uint32_t* entries;
  const uint16_t* quads;
};

// The template arguments below as an array: planes of every sum of 2^level classes.
template <int... Widths>
struct LevelWidths {
  static constexpr int of[sizeof...(Widths)] = {Widths...};
};

// Bits: planes of an input. Signs: outputs for one channel. Widths: planes of every sum of 2^level classes, level 0 ..
// D.
template <int Bits, int Signs, int... Widths>
struct ClassTree {
  static constexpr int kBits = Bits;
  static constexpr int kSigns = Signs;
  static constexpr int kDepth = sizeof...(Widths) - 1;
  using Width = LevelWidths<Widths...>;
  static constexpr int kWidth = Width::of[kDepth];
  static constexpr int kChannels = (kDepth + 1) / Signs;  // of a group

  // A sum in memory.
  struct Slot {
    Vec plane[kWidth];
  };

  // The sums of a subtree of 2^Level classes; marked[j] is M_j.
  template <int Level>
  struct Node {
    Counter<Width::of[Level ? Level - 1 : 0]> marked[Level ? Level : 1];
    Counter<Width::of[Level]> total;
  };

  // Counts the group's inputs: sums[j] = M_j, sums[D] = T, each of kWidth planes.
  static DLK_INLINE void sum(Cursor cursor, Slot (&sums)[kDepth + 1]) {
    sum_to_memory<kDepth>(cursor, sums, sums[kDepth]);
    if constexpr (kDepth > 0) {
      for (int j = 0; j < kDepth; ++j) {
        for (int plane = Width::of[kDepth - 1]; plane < kWidth; ++plane) sums[j].plane[plane] = Vec{};
      }
    }
  }

  // The sum of the group's channel `number`, in two's complement.
  static DLK_INLINE void channel_sum(const Slot (&sums)[kDepth + 1], int number, Counter<kWidth + 1>& sum) {
    Counter<kWidth> total;
    Counter<kWidth> marked;
    get(total, sums[kDepth]);
    get(marked, sums[number * Signs]);
    if constexpr (Signs == 1) {
      twice_minus(sum, marked, total);  // for the reference 2T - T = T
    } else {
      Counter<kWidth> other;
      get(other, sums[number * Signs + 1]);
      pair_minus(sum, marked, other, total);
    }
  }

  template <int N, int Plane = 0>
  static DLK_INLINE void put(Slot& slot, const Counter<N>& counter) {
    if constexpr (Plane < N) {
      slot.plane[Plane] = counter.plane[Plane];
      put<N, Plane + 1>(slot, counter);
    }
  }

  template <int N, int Plane = 0>
  static DLK_INLINE void get(Counter<N>& counter, const Slot& slot) {
    if constexpr (Plane < N) {
      counter.plane[Plane] = slot.plane[Plane];
      get<N, Plane + 1>(counter, slot);
    }
  }

 private:
  // Counts the next class. Its list has at least 4 entries, and a multiple of 4: what is no whole round comes first.
  static DLK_INLINE void count(Cursor& cursor, Counter<Width::of[0]>& total) {
    Counter<Width::of[0]> waiting;
    const int quads = *cursor.quads++;
    const uint32_t* entries = cursor.entries;
    constexpr int round_quads = kRound / 4;
    entries += 4 * count_first<1>((quads - 1) % round_quads + 1, total, waiting, cursor.taps, entries);
    for (int rest = (quads - 1) / round_quads; rest > 0; --rest) {
      add_inputs<kRound, Bits, kNoneEmpty>(total, waiting, cursor.taps, entries);
      entries += kRound;
    }
    cursor.entries = entries;
  }

  template <int Quads>
  static DLK_INLINE int count_first(int quads, Counter<Width::of[0]>& total, Counter<Width::of[0]>& waiting,
                                    const char* taps, const uint32_t* entries) {
    if constexpr (4 * Quads < kRound) {
      if (quads != Quads) return count_first<Quads + 1>(quads, total, waiting, taps, entries);
    }
    add_inputs<4 * Quads, Bits, kAllEmpty>(total, waiting, taps, entries);
    return Quads;
  }

  template <int Level, int J = 0>
  static DLK_INLINE void add_marked(Node<Level>& node, const Node<Level - 1>& low, const Node<Level - 1>& high) {
    if constexpr (J < Level - 1) {
      add(node.marked[J], low.marked[J], high.marked[J]);
      add_marked<Level, J + 1>(node, low, high);
    }
  }

  template <int Level>
  static DLK_INLINE void sum_in_registers(Cursor& cursor, Node<Level>& node) {
    if constexpr (Level == 0) {
      count(cursor, node.total);
    } else {
      Node<Level - 1> low;
      Node<Level - 1> high;
      sum_in_registers<Level - 1>(cursor, low);
      sum_in_registers<Level - 1>(cursor, high);
      add_marked<Level>(node, low, high);
      node.marked[Level - 1] = high.total;
      add(node.total, low.total, high.total);
    }
  }

  template <int Level, int J = 0>
  static DLK_INLINE void put_marked(Slot* marked, const Node<Level>& node) {
    if constexpr (J < Level) {
      put(marked[J], node.marked[J]);
      put_marked<Level, J + 1>(marked, node);
    }
  }

  // slot = low + high, sums of WidthIn planes into one of WidthOut.
  template <int WidthOut, int WidthIn>
  static DLK_INLINE void add_slots(Slot& slot, const Slot& low, const Slot& high) {
    Counter<WidthIn> a;
    Counter<WidthIn> b;
    Counter<WidthOut> result;
    get(a, low);
    get(b, high);
    add(result, a, b);
    put(slot, result);
  }

  template <int Level>
  static DLK_NOINLINE void sum_to_memory(Cursor& cursor, Slot* marked, Slot& total) {
    if constexpr (Level <= kRegisterLevels) {
      Node<Level> node;
      sum_in_registers<Level>(cursor, node);
      put_marked<Level>(marked, node);
      put(total, node.total);
    } else {
      Slot high[Level > 1 ? Level - 1 : 1];
      Slot& high_total = marked[Level - 1];
      sum_to_memory<Level - 1>(cursor, marked, total);
      sum_to_memory<Level - 1>(cursor, high, high_total);
      if constexpr (Level > 1) {
        for (int j = 0; j < Level - 1; ++j) {
          add_slots<Width::of[Level - 1], Width::of[Level - 2]>(marked[j], marked[j], high[j]);
        }
      }
      add_slots<Width::of[Level], Width::of[Level - 1]>(total, total, high_total);
    }
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
