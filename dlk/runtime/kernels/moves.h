// Steps that move codes and floats without looking at them: between space and depth by blocks of 2x2, where a depth
// channel is (dy * 2 + dx) * C + c, and into a larger tensor.
#pragma once

#include "taps.h"

namespace dlk {
namespace DLK_NAMESPACE {

// The bytes of row y of a plane; rows begin at bytes.
DLK_INLINE char* row_of(const Tensor& tensor, int channel, int bit, int y) {
  return reinterpret_cast<char*>(plane_of(tensor, channel, bit)) + static_cast<int64_t>(y) * (tensor.stride / 8);
}

// Ones for the first `count` bits of a word, count from 0 to 64.
DLK_INLINE uint64_t first_bits(int64_t count) { return count <= 0 ? 0 : ~uint64_t{0} >> (count < 64 ? 64 - count : 0); }

// Writes a row of a plane in pieces of T, zeros behind the pixels included. The last piece may run over the row's end,
// with zeros: into the next row, which is written later, or into the guard.
template <class T, class Pieces>
DLK_INLINE void write_row(const Tensor& tensor, int channel, int bit, int y, const Pieces& piece) {
  char* const to = row_of(tensor, channel, bit, y);
  const int bytes = tensor.stride / 8;
  for (int at = 0, number = 0; at < bytes; at += static_cast<int>(sizeof(T)), ++number)
    store<T>(to + at, piece(number));
}

// Items are the planes of the output. An odd image gets a row or a column of zeros.
struct SpaceToDepthCodes {
  static int64_t items(const StepCall& call) { return static_cast<int64_t>(call.output->channels) * call.output->bits; }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& space = *call.input;
    const Tensor& depth = *call.output;
    for (int64_t item = first; item < last; ++item) {
      const int channel = static_cast<int>(item / depth.bits);
      const int bit = static_cast<int>(item % depth.bits);
      const int phase = channel / space.channels;
      for (int y = 0; y < depth.height; ++y) {
        const int row = 2 * y + phase / 2;
        const bool inside = row < space.height;
        const char* const from = row_of(space, channel % space.channels, bit, inside ? row : 0);
        write_row<uint32_t>(depth, channel, bit, y, [&](int number) -> uint32_t {
          const uint64_t pixels = first_bits(inside ? space.width - 64 * number : 0);
          return pixels ? squeeze((load<uint64_t>(from + 8 * number) & pixels) >> phase % 2) : 0;
        });
      }
    }
  }
};

struct DepthToSpaceCodes {
  static int64_t items(const StepCall& call) { return static_cast<int64_t>(call.output->channels) * call.output->bits; }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& depth = *call.input;
    const Tensor& space = *call.output;
    for (int64_t item = first; item < last; ++item) {
      const int channel = static_cast<int>(item / space.bits);
      const int bit = static_cast<int>(item % space.bits);
      for (int y = 0; y < space.height; ++y) {
        const char* const left = row_of(depth, y % 2 * 2 * space.channels + channel, bit, y / 2);
        const char* const right = row_of(depth, (y % 2 * 2 + 1) * space.channels + channel, bit, y / 2);
        write_row<uint64_t>(space, channel, bit, y, [&](int number) -> uint64_t {
          const uint32_t pixels = static_cast<uint32_t>(first_bits(depth.width - 32 * number));
          if (!pixels) return 0;
          const uint32_t even = load<uint32_t>(left + 4 * number) & pixels;
          const uint32_t odd = load<uint32_t>(right + 4 * number) & pixels;
          return spread(even) | spread(odd) << 1;
        });
      }
    }
  }
};

// Zeros around the input. Without padding it copies, for a part of a concatenation.
struct PadCodes {
  static int64_t items(const StepCall& call) { return static_cast<int64_t>(call.output->channels) * call.output->bits; }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& input = *call.input;
    const Tensor& output = *call.output;
    const int32_t* const before = call.step->before;
    for (int64_t item = first; item < last; ++item) {
      const int bit = static_cast<int>(item % output.bits);
      const int channel = static_cast<int>(item / output.bits);
      const int source = channel - before[2];
      for (int y = 0; y < output.height; ++y) {
        const int row = y - before[0];
        const bool inside = source >= 0 && source < input.channels && row >= 0 && row < input.height;
        const uint64_t* const plane = plane_of(input, inside ? source : 0, bit);
        write_row<uint64_t>(output, channel, bit, y, [&](int number) -> uint64_t {
          const int64_t begin = 64 * number - before[1];
          const uint64_t pixels = first_bits(input.width - begin) & ~first_bits(-begin);
          if (!inside || !pixels) return 0;
          const Place place = place_of(static_cast<int64_t>(row) * input.stride + begin);
          return (plane[place.word] >> place.shift | plane[place.word + 1] << 1 << (63 - place.shift)) & pixels;
        });
      }
    }
  }
};

// The two pixels of a block's row stand side by side in both layouts, so they are moved together. Items are the rows of
// the larger image.
template <bool kToDepth>
DLK_INLINE void move_floats(const Tensor& space, const Tensor& depth, int64_t first, int64_t last) {
  const int pair = 2 * space.channels;
  for (int64_t y = first; y < last; ++y) {
    float* in_space = static_cast<float*>(space.data) + y * space.width * space.channels;
    float* in_depth = static_cast<float*>(depth.data) + y / 2 * depth.width * depth.channels + y % 2 * pair;
    for (int x = 0; x < depth.width; ++x, in_space += pair, in_depth += depth.channels) {
      float* const to = kToDepth ? in_depth : in_space;
      const float* const from = kToDepth ? in_space : in_depth;
      for (int c = 0; c < pair; ++c) to[c] = from[c];
    }
  }
}

struct SpaceToDepthFloats {
  static int64_t items(const StepCall& call) { return call.input->height; }
  static void run(const StepCall& call, int64_t first, int64_t last) {
    move_floats<true>(*call.input, *call.output, first, last);
  }
};

struct DepthToSpaceFloats {
  static int64_t items(const StepCall& call) { return call.output->height; }
  static void run(const StepCall& call, int64_t first, int64_t last) {
    move_floats<false>(*call.output, *call.input, first, last);
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
