/* Loops that show what the core can do at most: dependent adds for its clock, and independent operations in registers.
 *
 * Each function does `rounds` rounds and returns how many operations one round has. They are only called where the
 * machine has the instructions. Assembly, so that no compiler leaves anything out.
 */
#include <stdint.h>

#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define FOUR(X) X X X X
#define CLOBBER "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"
#define LOOP(body, ...) \
  for (int64_t i = 0; i < rounds; ++i) __asm__ volatile(body::: __VA_ARGS__)

#define ADD "add %1, %0\n\t"
#define XMM(n) "pxor %%xmm15, %%xmm" #n "\n\t"
#define YMM(n) "vpxor %%ymm15, %%ymm" #n ", %%ymm" #n "\n\t"
#define ZMM(n) "vpternlogq $0x96, %%zmm14, %%zmm15, %%zmm" #n "\n\t"
#define MADD(n)                              \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm12\n\t" \
  "vpmaddwd %%ymm12, %%ymm13, %%ymm12\n\t"   \
  "vpaddd %%ymm12, %%ymm" #n ", %%ymm" #n "\n\t"
#define DP256(n) "vpdpbusd %%ymm14, %%ymm15, %%ymm" #n "\n\t"
#define DP512(n) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #n "\n\t"

/* Each add needs the one before: one a cycle. */
int64_t peak_chain(int64_t rounds) {
  uint64_t sum = 1;
  const uint64_t step = 3;
  for (int64_t i = 0; i < rounds; ++i) {
    __asm__ volatile(FOUR(FOUR(FOUR(ADD))) : "+r"(sum) : "r"(step));
  }
  return sum ? 64 : 0;
}

int64_t peak_portable(int64_t rounds) {
  uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
  const uint64_t mask = (uint64_t)rounds;
  for (int64_t i = 0; i < rounds; ++i) {
    __asm__ volatile(FOUR("xor %6, %0\n\txor %6, %1\n\txor %6, %2\n\txor %6, %3\n\txor %6, %4\n\txor %6, %5\n\t")
                     : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f)
                     : "r"(mask));
  }
  return 24;
}

int64_t peak_sse2(int64_t rounds) {
  LOOP(TWELVE(XMM), CLOBBER);
  return 12;
}

__attribute__((target("avx2"))) int64_t peak_avx2(int64_t rounds) {
  LOOP(TWELVE(YMM), CLOBBER);
  return 12;
}

__attribute__((target("avx512f,evex512"))) int64_t peak_avx512(int64_t rounds) {
  LOOP(TWELVE(ZMM), CLOBBER);
  return 12;
}

/* int8 multiply-adds of 256-bit registers without VNNI: three instructions for 32 of them. */
__attribute__((target("avx2"))) int64_t peak_int8_avx2(int64_t rounds) {
  LOOP(TWELVE(MADD), CLOBBER, "xmm12");
  return 12 * 32;
}

__attribute__((target("avxvnni"))) int64_t peak_int8_avx_vnni(int64_t rounds) {
  LOOP(TWELVE(DP256), CLOBBER);
  return 12 * 32;
}

__attribute__((target("avx512vnni,evex512"))) int64_t peak_int8_avx512_vnni(int64_t rounds) {
  LOOP(TWELVE(DP512), CLOBBER);
  return 12 * 64;
}
