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

// Reads the class lists of a group in order.
struct Cursor {
  const char* taps;
  const uint16_t* entries;
  const uint16_t* steps;
};

// The template arguments below as an array: planes of every sum of 2^level classes.
template <int... Widths>
struct LevelWidths {
  static constexpr int of[sizeof...(Widths)] = {Widths...};
};

// Bits: planes of an input. Signs: outputs for one channel. Widths: planes of every sum of 2^level classes, for the
// levels 0 to D.
template <int Bits, int Signs, int... Widths>
struct ClassTree {
  static constexpr int kBits = Bits;
  static constexpr int kDepth = sizeof...(Widths) - 1;
  using Width = LevelWidths<Widths...>;
  static constexpr int kWidth = Width::of[kDepth];
  // The widest sum tells how many inputs there are, about, and so whether their taps stay in a first-level cache.
  static constexpr bool kAhead = kPrefetch && (sizeof(Vec) * Bits << kWidth) >> Bits >= 16 * 1024;
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
  // Counts the next class: first what is no whole round, then the rounds.
  static DLK_INLINE void count(Cursor& cursor, Counter<Width::of[0]>& total) {
    Counter<Width::of[0]> waiting;
    const int steps = *cursor.steps++;
    const uint16_t* entries = cursor.entries;
    constexpr int round_steps = kRound / kListStep;
    entries += count_first<kListStep>((steps - 1) % round_steps * kListStep, total, waiting, cursor.taps, entries);
    for (int rest = (steps - 1) / round_steps; rest > 0; --rest) {
      add_inputs<kRound, Bits, kAhead, kNoneEmpty>(total, waiting, cursor.taps, entries);
      entries += kRound;
    }
    cursor.entries = entries;
  }

  // Counts more + kListStep inputs and returns their number.
  template <int Inputs>
  static DLK_INLINE int count_first(int more, Counter<Width::of[0]>& total, Counter<Width::of[0]>& waiting,
                                    const char* taps, const uint16_t* entries) {
    if constexpr (Inputs < kRound) {
      if (more != Inputs - kListStep) return count_first<Inputs + kListStep>(more, total, waiting, taps, entries);
    }
    add_inputs<Inputs, Bits, kAhead, kAllEmpty>(total, waiting, taps, entries);
    return Inputs;
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

  // What is left in memory of a subtree of 2^Level classes.
  template <int Level>
  struct Branch {
    Slot marked[Level ? Level : 1];
    Slot total;
  };

  // to = a + b; numbers of `In` planes.
  template <int In, int Out, int Plane = 0>
  static DLK_INLINE void add_two(Slot& to, const Slot& a, const Slot& b, Adder<In, Out> sum = Adder<In, Out>()) {
    if constexpr (Plane < Out) {
      to.plane[Plane] = sum.template next<Plane>(a.plane[Plane], b.plane[Plane]);
      add_two<In, Out, Plane + 1>(to, a, b, sum);
    }
  }

  // The three adders of a sum of four numbers of `In` planes.
  template <int In, int Mid, int Out>
  struct FourAdders {
    Adder<In, Mid> low;
    Adder<In, Mid> high;
    Adder<Mid, Out> sum;
  };

  // to = a + b + c + d, plane by plane: what lies between stays in registers.
  template <int In, int Mid, int Out, int Plane = 0>
  static DLK_INLINE void add_four(Slot& to, const Slot& a, const Slot& b, const Slot& c, const Slot& d,
                                  FourAdders<In, Mid, Out> adders = FourAdders<In, Mid, Out>()) {
    if constexpr (Plane < Out) {
      const Vec low = adders.low.template next<Plane>(a.plane[Plane], b.plane[Plane]);
      const Vec high = adders.high.template next<Plane>(c.plane[Plane], d.plane[Plane]);
      to.plane[Plane] = adders.sum.template next<Plane>(low, high);
      add_four<In, Mid, Out, Plane + 1>(to, a, b, c, d, adders);
    }
  }

  // total = total + b + c + d, odd = b + d, upper = c + d.
  template <int In, int Mid, int Out, int Plane = 0>
  static DLK_INLINE void add_totals(Slot& total, Slot& odd, Slot& upper, const Slot& b, const Slot& c, const Slot& d,
                                    FourAdders<In, Mid, Out> adders = FourAdders<In, Mid, Out>(),
                                    Adder<In, Mid> odd_adder = Adder<In, Mid>()) {
    if constexpr (Plane < Out) {
      const Vec low = adders.low.template next<Plane>(total.plane[Plane], b.plane[Plane]);
      const Vec high = adders.high.template next<Plane>(c.plane[Plane], d.plane[Plane]);
      if constexpr (Plane < Mid) {
        odd.plane[Plane] = odd_adder.template next<Plane>(b.plane[Plane], d.plane[Plane]);
        upper.plane[Plane] = high;
      }
      total.plane[Plane] = adders.sum.template next<Plane>(low, high);
      add_totals<In, Mid, Out, Plane + 1>(total, odd, upper, b, c, d, adders, odd_adder);
    }
  }

  static constexpr int width(int level) { return Width::of[level < 0 ? 0 : level]; }

  // Counts the next 2^Level classes. Beyond the registers two levels are merged at a time.
  template <int Level>
  static DLK_NOINLINE void sum_to_memory(Cursor& cursor, Slot* marked, Slot& total) {
    if constexpr (Level <= kRegisterLevels) {
      Node<Level> node;
      sum_in_registers<Level>(cursor, node);
      put_marked<Level>(marked, node);
      put(total, node.total);
    } else if constexpr (Level == kRegisterLevels + 1) {
      Branch<Level - 1> high;
      sum_to_memory<Level - 1>(cursor, marked, total);
      sum_to_memory<Level - 1>(cursor, high.marked, marked[Level - 1]);
      for (int j = 0; j < Level - 1; ++j) {
        add_two<width(Level - 2), width(Level - 1)>(marked[j], marked[j], high.marked[j]);
      }
      add_two<width(Level - 1), width(Level)>(total, total, marked[Level - 1]);
    } else {
      constexpr int quarter = Level - 2;
      Branch<quarter> b, c, d;
      sum_to_memory<quarter>(cursor, marked, total);
      sum_to_memory<quarter>(cursor, b.marked, b.total);
      sum_to_memory<quarter>(cursor, c.marked, c.total);
      sum_to_memory<quarter>(cursor, d.marked, d.total);
      for (int j = 0; j < quarter; ++j) {
        add_four<width(quarter - 1), width(quarter), width(quarter + 1)>(marked[j], marked[j], b.marked[j], c.marked[j],
                                                                         d.marked[j]);
      }
      add_totals<width(quarter), width(quarter + 1), width(quarter + 2)>(total, marked[quarter], marked[quarter + 1],
                                                                         b.total, c.total, d.total);
    }
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
