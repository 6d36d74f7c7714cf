// The floating-point mode of a run: IEEE 754, round to nearest even, subnormals kept, no traps.
#pragma once

#include <stdint.h>

namespace dlk {

using FloatMode = uint64_t;  // what the calling thread had

FloatMode enter_float_mode();
void leave_float_mode(FloatMode mode);

}  // namespace dlk
