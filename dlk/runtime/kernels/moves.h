// space_to_depth and depth_to_space with blocks of 2x2: depth channel = (dy * 2 + dx) * C + c.
#pragma once

#include "vec.h"

namespace dlk {
namespace DLK_NAMESPACE {

// The bytes of row y of a bit-plane; rows begin at bytes.
DLK_INLINE char* plane_row(const Tensor& tensor, int channel, int bit, int y) {
  uint64_t* const planes = static_cast<uint64_t*>(tensor.data);
  uint64_t* const plane = planes + (static_cast<int64_t>(channel) * tensor.bits + bit) * tensor.plane_words;
  return reinterpret_cast<char*>(plane) + static_cast<int64_t>(y) * (tensor.stride / 8);
}

// Ones for the pixels of a row's last, possibly partial, group of `size`.
DLK_INLINE uint64_t last_pixels(int width, int size) {
  const int pixels = width % size ? width % size : size;
  return ~uint64_t{0} >> (64 - pixels);
}

// A row is written in whole groups, so zeros may run over its end: into the next row, which is written later, or into
// the guard, which is zero.
inline void space_to_depth_codes(const StepCall& call) {
  const Tensor& space = *call.input;
  const Tensor& depth = *call.output;
  const int groups = (space.width + 63) / 64;
  const uint64_t last = last_pixels(space.width, 64);
  for (int c = 0; c < space.channels; ++c) {
    for (int b = 0; b < space.bits; ++b) {
      for (int y = 0; y < space.height; ++y) {
        const char* from = plane_row(space, c, b, y);
        char* left = plane_row(depth, y % 2 * 2 * space.channels + c, b, y / 2);
        char* right = plane_row(depth, (y % 2 * 2 + 1) * space.channels + c, b, y / 2);
        for (int group = 0; group < groups; ++group, from += 8, left += 4, right += 4) {
          uint64_t word = load<uint64_t>(from);
          if (group == groups - 1) word &= last;
          store(left, squeeze(word));
          store(right, squeeze(word >> 1));
        }
      }
    }
  }
}

inline void depth_to_space_codes(const StepCall& call) {
  const Tensor& depth = *call.input;
  const Tensor& space = *call.output;
  const int groups = (depth.width + 31) / 32;
  const uint32_t last = static_cast<uint32_t>(last_pixels(depth.width, 32));
  for (int c = 0; c < space.channels; ++c) {
    for (int b = 0; b < space.bits; ++b) {
      for (int y = 0; y < space.height; ++y) {
        const char* left = plane_row(depth, y % 2 * 2 * space.channels + c, b, y / 2);
        const char* right = plane_row(depth, (y % 2 * 2 + 1) * space.channels + c, b, y / 2);
        char* to = plane_row(space, c, b, y);
        for (int group = 0; group < groups; ++group, left += 4, right += 4, to += 8) {
          uint32_t even = load<uint32_t>(left);
          uint32_t odd = load<uint32_t>(right);
          if (group == groups - 1) {
            even &= last;
            odd &= last;
          }
          store(to, spread(even) | spread(odd) << 1);
        }
      }
    }
  }
}

// The two pixels of a block's row stand side by side in both layouts, so they are moved together when going to depth.
inline void space_to_depth_floats(const StepCall& call) {
  const Tensor& space = *call.input;
  const Tensor& depth = *call.output;
  const float* from = static_cast<const float*>(space.data);
  const int pair = 2 * space.channels;
  for (int y = 0; y < space.height; ++y) {
    float* to =
        static_cast<float*>(depth.data) + static_cast<int64_t>(y / 2) * depth.width * depth.channels + y % 2 * pair;
    for (int x = 0; x < depth.width; ++x, from += pair, to += depth.channels) {
      for (int c = 0; c < pair; ++c) to[c] = from[c];
    }
  }
}

inline void depth_to_space_floats(const StepCall& call) {
  const Tensor& depth = *call.input;
  const Tensor& space = *call.output;
  float* to = static_cast<float*>(space.data);
  const int pair = 2 * space.channels;
  for (int y = 0; y < space.height; ++y) {
    const float* from = static_cast<const float*>(depth.data) +
                        static_cast<int64_t>(y / 2) * depth.width * depth.channels + y % 2 * pair;
    for (int x = 0; x < depth.width; ++x, to += pair, from += depth.channels) {
      for (int c = 0; c < pair; ++c) to[c] = from[c];
    }
  }
}

}  // namespace DLK_NAMESPACE
}  // namespace dlk
