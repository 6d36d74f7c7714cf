// What goes to the accelerator's memory and comes from it; the layouts stand in dlk/hw/README.md.
#pragma once

#include "../src/model.h"

namespace dlk {

// Bytes of a tensor's words of codes: a word of two planes for each pixel and each 32 channels.
size_t group_bytes(const Tensor& tensor);

// Bytes of a tensor's bit-planes without gaps, and the tensor with them at `data`.
size_t plane_bytes(const Tensor& tensor);
Tensor planes_of(const Tensor& tensor, void* data);

// Words of codes, [group][y][x], from bit-planes.
void pack_codes(const Tensor& tensor, uint64_t* words);

// Bit-planes from words of codes. What is no pixel becomes zero.
void unpack_codes(const uint64_t* words, const Tensor& tensor);

// Floats y = float32(float32(S) * scale) + bias, from words of sums, [pass][y][x][count].
void unpack_sums(const uint64_t* words, int32_t count, const float* scale, const float* bias, const Tensor& tensor);

}  // namespace dlk
