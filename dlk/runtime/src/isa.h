// What a machine can offer beyond its target's baseline.
#pragma once

#include <stdint.h>

namespace dlk {

// Levels of Isa::level: nothing; on AArch64 a core that executes out of order, which is advice, since every other core
// can run the same code; and the x86-64 micro-architecture levels.
constexpr int32_t kBaseline = 0;
constexpr int32_t kOutOfOrder = 1;
constexpr int32_t kX86V3 = 3;
constexpr int32_t kX86V4 = 4;

// The highest level of this machine, processor and operating system together.
int32_t machine_level();

}  // namespace dlk
