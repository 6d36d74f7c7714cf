// Which instruction set to use: read from CPUID and XGETBV, or forced by DLK_ISA.
#include "isa.h"

#include <stdlib.h>
#include <string.h>

#include "network.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace dlk {

#if defined(__x86_64__)
namespace {

bool has(uint32_t registers, uint32_t bits) { return (registers & bits) == bits; }

// The register states that the operating system saves.
uint32_t saved_states() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

}  // namespace

int32_t machine_level() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  // Leaf 1, ECX, what level 3 has of level 2: SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; and of its own: FMA,
  // MOVBE, OSXSAVE, AVX, F16C.
  constexpr uint32_t v2_leaf1_c = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
  constexpr uint32_t v3_leaf1_c = v2_leaf1_c | 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29;
  // Leaf 7, EBX: BMI1, AVX2, BMI2; then AVX512 F, DQ, CD, BW, VL.
  constexpr uint32_t v3_leaf7_b = 1u << 3 | 1u << 5 | 1u << 8;
  constexpr uint32_t v4_leaf7_b = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  constexpr uint32_t lzcnt = 1u << 5;       // leaf 0x80000001, ECX
  constexpr uint32_t avx_states = 0x6;      // XMM and YMM
  constexpr uint32_t avx512_states = 0xe6;  // and masks, ZMM 0-15, ZMM 16-31
  if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, v3_leaf1_c)) return kBaseline;
  const uint32_t states = saved_states();
  if (!has(states, avx_states)) return kBaseline;
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !has(c, lzcnt)) return kBaseline;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, v3_leaf7_b)) return kBaseline;
  return has(b, v4_leaf7_b) && has(states, avx512_states) ? kX86V4 : kX86V3;
}
#elif defined(__aarch64__)
namespace {

// Arm's cores that execute in order: Cortex-A35, A53, A55, A510, A520; part numbers of MIDR_EL1.
constexpr uint32_t kInOrder[] = {0xd04, 0xd03, 0xd05, 0xd46, 0xd80};
constexpr uint32_t kArm = 0x41;  // implementer

}  // namespace

int32_t machine_level() {
  constexpr unsigned long register_is_readable = 1ul << 11;  // HWCAP_CPUID
  if (!(getauxval(AT_HWCAP) & register_is_readable)) return kBaseline;
  uint64_t id = 0;
  asm("mrs %0, midr_el1" : "=r"(id));
  for (const uint32_t part : kInOrder) {
    if ((id >> 24 & 0xff) == kArm && (id >> 4 & 0xfff) == part) return kBaseline;
  }
  return kOutOfOrder;
}
#else
int32_t machine_level() { return kBaseline; }
#endif

dlk_status choose_isa(Network& network, const Isa** isa) {
  const int32_t level = machine_level();
  const char* const wanted = getenv("DLK_ISA");
  const bool forced = wanted && *wanted;
  for (int32_t i = kModel.isa_count - 1; i >= 0; --i) {
    const Isa* const candidate = kModel.isas[i];
    if (forced && strcmp(wanted, candidate->name) != 0) continue;
    if (candidate->level <= level || (forced && candidate->level == kOutOfOrder)) {
      *isa = candidate;
      return DLK_OK;
    }
    if (forced) return fail(network, DLK_UNSUPPORTED_ISA, wanted);
  }
  return fail(network, DLK_UNKNOWN_ISA, wanted);
}

}  // namespace dlk
