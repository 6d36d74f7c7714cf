// What a machine can offer beyond its target's baseline.
#pragma once

#include <stdint.h>

namespace dlk {

// Levels of Isa::level: the x86-64 micro-architecture levels; 0 needs nothing.
constexpr int32_t kBaseline = 0;
constexpr int32_t kX86V3 = 3;
constexpr int32_t kX86V4 = 4;

// The highest level of this machine, processor and operating system together.
int32_t machine_level();

}  // namespace dlk
