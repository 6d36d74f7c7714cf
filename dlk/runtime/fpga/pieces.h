// What goes to the accelerator's memory and comes from it; the layouts stand in dlk/hw/README.md.
#pragma once

#include "../src/model.h"

namespace dlk {

// Words of codes, [group][y][x], from bit-planes.
void pack_codes(const Tensor& tensor, uint64_t* words);

// Bit-planes from words of codes. What is no pixel becomes zero.
void unpack_codes(const uint64_t* words, const Tensor& tensor);

// Floats y = float32(float32(S) * scale) + bias, from words of sums, [pass][y][x][count].
void unpack_sums(const uint64_t* words, int32_t count, const float* scale, const float* bias, const Tensor& tensor);

}  // namespace dlk
