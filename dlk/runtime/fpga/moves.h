// Words of codes from one place to another; the order in memory is [group][y][x], a group is 32 channels.
#pragma once

#include "../src/model.h"

namespace dlk {

// Fills the words of `target`: as they are, or moved between space and depth by blocks of 2x2, where a depth channel is
// (dy * 2 + dx) * C + c and C is a multiple of 32.
using Move = void (*)(const uint64_t* from, const Tensor& target, uint64_t* to);

void copy_words(const uint64_t* from, const Tensor& target, uint64_t* to);
void space_to_depth_words(const uint64_t* from, const Tensor& target, uint64_t* to);
void depth_to_space_words(const uint64_t* from, const Tensor& target, uint64_t* to);

}  // namespace dlk
