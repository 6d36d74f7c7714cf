// The floating-point control register of each architecture; in its own file, so that no compiler moves arithmetic
// across the change.
#include "float_mode.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace dlk {
namespace {

#if defined(__x86_64__)
constexpr FloatMode kIeee = 0x1f80;  // all exceptions masked
FloatMode get() { return _mm_getcsr(); }
void set(FloatMode mode) { _mm_setcsr(static_cast<uint32_t>(mode)); }
#elif defined(__aarch64__)
constexpr FloatMode kIeee = 0;
FloatMode get() {
  FloatMode mode = 0;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
void set(FloatMode mode) { asm volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#elif defined(__arm__)
constexpr FloatMode kIeee = 0;
FloatMode get() {
  uint32_t mode = 0;
  asm volatile("vmrs %0, fpscr" : "=r"(mode));
  return mode;
}
void set(FloatMode mode) { asm volatile("vmsr fpscr, %0" : : "r"(static_cast<uint32_t>(mode)) : "memory"); }
#else
#error "the floating-point mode of this architecture is not known"
#endif

}  // namespace

FloatMode enter_float_mode() {
  const FloatMode mode = get();
  set(kIeee);
  return mode;
}

void leave_float_mode(FloatMode mode) { set(mode); }

}  // namespace dlk
