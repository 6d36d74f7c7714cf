// What distinguishes the instruction sets beside the operations of vec.h, and what each setting gained.
//
// Figures are for layers of 2304 inputs: x86 measured on Zen 3, AVX-512 on Zen 4, ARM by llvm-mca and a cache model
// (`make bench-arm`).
#pragma once

namespace dlk {
namespace DLK_NAMESPACE {

constexpr int kLanes = DLK_LANES;
constexpr int kWords = 2 * kLanes;  // 32-bit words of a vector

// kRound: inputs that are counted in one round. 16 instead of 8: A53 +15 %; x86 -1 to 0 %; ARMv7 spills.
// kRegisterLevels: levels of the class tree in registers before sums go to memory. AVX-512 +10 %, AArch64 +5 %.
// kLoadPairs: load two list entries at once. A9 +8 %; A53 -5 %, A72 -3 %, x86 -2 %.
// kFloats: floats of a vector. ARMv7 NEON takes subnormal ones for zero, its scalar unit does not.
// kSumPixels: pixels whose float sums run side by side, on vectors of up to 4 floats; as many as registers hold.
#if defined(__aarch64__)
constexpr int kRound = 16;
constexpr int kRegisterLevels = 2;
constexpr bool kLoadPairs = false;
constexpr int kFloats = kWords;
constexpr int kSumPixels = 4;
#elif defined(__arm__)
constexpr int kRound = 8;
constexpr int kRegisterLevels = 0;
constexpr bool kLoadPairs = true;
constexpr int kFloats = 1;
constexpr int kSumPixels = 2;
#else
constexpr int kRound = 8;
constexpr int kRegisterLevels = kLanes == 8 ? 2 : 0;
constexpr bool kLoadPairs = false;
constexpr int kFloats = kWords;
constexpr int kSumPixels = 2;
#endif

// Floats of a vector where none can be subnormal. A9: the first layer takes 30 instead of 40 million cycles.
constexpr int kNormalFloats = kWords;

// Ask for taps ahead of their use, a choice of dlk.targets. AVX2 +12 %, SSE2 0; in-order ARM cores would wait for the
// second-level cache for half as long as they compute, while it costs A72 10 %.
constexpr bool kPrefetch = DLK_PREFETCH;

}  // namespace DLK_NAMESPACE
}  // namespace dlk
