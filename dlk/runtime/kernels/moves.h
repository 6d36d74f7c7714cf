// Steps that move codes and floats without looking at them: between space and depth by blocks of 2x2, where a depth
// channel is (dy * 2 + dx) * C + c, and into a larger tensor.
#pragma once

#include "taps.h"

namespace dlk {
namespace DLK_NAMESPACE {

// Writes the bits of a plane one after the other.
class PlaneWriter {
 public:
  DLK_INLINE explicit PlaneWriter(uint64_t* plane) : word_(plane) {}

  // Appends `count` bits, from 0 to 64; those of `bits` above them are zero.
  DLK_INLINE void put(uint64_t bits, int count) {
    pending_ |= bits << filled_;
    const int filled = filled_ + count;
    if (filled >= 64) {
      *word_++ = pending_;
      pending_ = filled_ ? bits >> (64 - filled_) : 0;
    }
    filled_ = filled & 63;
  }

  DLK_INLINE void put_zeros(int64_t count) {
    for (; count > 64; count -= 64) put(0, 64);
    put(0, static_cast<int>(count));
  }

  DLK_INLINE void finish() {
    if (filled_) *word_ = pending_;
  }

 private:
  uint64_t* word_;
  uint64_t pending_ = 0;
  int filled_ = 0;
};

// 64 bits from any bit of a plane on.
DLK_INLINE uint64_t read_word(const uint64_t* plane, int64_t bit) {
  const Place place = place_of(bit);
  return plane[place.word] >> place.shift | plane[place.word + 1] << 1 << (63 - place.shift);
}

// The first `count` bits of a word, from 1 to 64.
DLK_INLINE uint64_t first_bits(uint64_t bits, int count) { return bits & (~uint64_t{0} >> (64 - count)); }

// Calls piece(bit, count) for the `width` pixels of a row that begins at `bit` of a plane: 64 at a time, the rest last.
template <class Piece>
DLK_INLINE void for_pieces(int64_t bit, int width, const Piece& piece) {
  for (; width > 64; width -= 64, bit += 64) piece(bit, 64);
  piece(bit, width);
}

// Calls write(writer, channel, bit) for each plane of a range of planes, and completes it.
template <class Write>
DLK_INLINE void write_planes(const Tensor& tensor, int64_t first, int64_t last, const Write& write) {
  for (int64_t plane = first; plane < last; ++plane) {
    const int channel = static_cast<int>(plane / tensor.bits);
    const int bit = static_cast<int>(plane % tensor.bits);
    PlaneWriter writer(plane_of(tensor, channel, bit));
    write(writer, channel, bit);
    writer.finish();
  }
}

DLK_INLINE int64_t planes(const Tensor& tensor) { return static_cast<int64_t>(tensor.channels) * tensor.bits; }

// An odd image gets a row or a column of zeros.
struct SpaceToDepthCodes {
  static int64_t items(const StepCall& call) { return planes(*call.output); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& space = *call.input;
    const Tensor& depth = *call.output;
    write_planes(depth, first, last, [&](PlaneWriter& writer, int channel, int bit) {
      const int phase = channel / space.channels;
      const uint64_t* const plane = plane_of(space, channel % space.channels, bit);
      for (int row = phase / 2; row < 2 * depth.height; row += 2) {
        if (row >= space.height) {
          writer.put_zeros(depth.stride);
          continue;
        }
        for_pieces(static_cast<int64_t>(row) * space.stride, space.width, [&](int64_t from, int count) {
          writer.put(squeeze(first_bits(read_word(plane, from), count) >> phase % 2), (count + 1) / 2);
        });
        writer.put_zeros(depth.stride - depth.width);
      }
    });
  }
};

struct DepthToSpaceCodes {
  static int64_t items(const StepCall& call) { return planes(*call.output); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& depth = *call.input;
    const Tensor& space = *call.output;
    write_planes(space, first, last, [&](PlaneWriter& writer, int channel, int bit) {
      for (int y = 0; y < space.height; ++y) {
        const uint64_t* const even = plane_of(depth, y % 2 * 2 * space.channels + channel, bit);
        const uint64_t* const odd = even + static_cast<int64_t>(space.channels) * depth.bits * depth.plane_words;
        for_pieces(static_cast<int64_t>(y / 2) * depth.stride, depth.width, [&](int64_t from, int count) {
          const TwoWords pixels = interleave(read_word(even, from), read_word(odd, from));
          const int low = count < 32 ? 2 * count : 64;
          writer.put(first_bits(pixels.low, low), low);
          if (count > 32) writer.put(first_bits(pixels.high, 2 * count - 64), 2 * count - 64);
        });
        writer.put_zeros(space.stride - space.width);
      }
    });
  }
};

// Zeros around the input. Without padding it copies, for a part of a concatenation.
struct PadCodes {
  static int64_t items(const StepCall& call) { return planes(*call.output); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& input = *call.input;
    const Tensor& output = *call.output;
    const int32_t* const before = call.step->before;
    write_planes(output, first, last, [&](PlaneWriter& writer, int channel, int bit) {
      const int source = channel - before[2];
      const bool empty = source < 0 || source >= input.channels;
      const uint64_t* const plane = plane_of(input, empty ? 0 : source, bit);
      for (int y = 0; y < output.height; ++y) {
        const int row = y - before[0];
        if (empty || row < 0 || row >= input.height) {
          writer.put_zeros(output.stride);
          continue;
        }
        writer.put_zeros(before[1]);
        for_pieces(static_cast<int64_t>(row) * input.stride, input.width,
                   [&](int64_t from, int count) { writer.put(first_bits(read_word(plane, from), count), count); });
        writer.put_zeros(output.stride - before[1] - input.width);
      }
    });
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
