// Between bit-planes, which have a pixel a bit, and the accelerator's words, which have a channel a bit: matrices of
// 64 x 64 bits are turned, 64 pixels of a row by 32 channels of two bits each.
#include <string.h>

#include "pieces.h"

namespace dlk {
namespace {

constexpr int kChannels = 32;  // of a word
constexpr int kSide = 64;

// Bit j of row i becomes bit i of row j.
void transpose(uint64_t (&rows)[kSide]) {
  uint64_t mask = 0x00000000ffffffffu;
  for (int step = kSide / 2; step > 0; step /= 2, mask ^= mask << step) {
    for (int row = 0; row < kSide; row = ((row | step) + 1) & ~step) {
      const uint64_t swap = ((rows[row] >> step) ^ rows[row | step]) & mask;
      rows[row] ^= swap << step;
      rows[row | step] ^= swap;
    }
  }
}

uint64_t* plane_of(const Tensor& tensor, int channel, int bit) {
  return static_cast<uint64_t*>(tensor.data) + (static_cast<int64_t>(channel) * tensor.bits + bit) * tensor.plane_words;
}

// 64 bits from any bit of a plane on; a guard stands behind it.
uint64_t read_bits(const uint64_t* plane, int64_t position) {
  const uint64_t* const word = plane + (position >> 6);
  const int shift = static_cast<int>(position & 63);
  return shift ? word[0] >> shift | word[1] << (64 - shift) : word[0];
}

// Adds bits to zeros; those from `count` on are zero.
void add_bits(uint64_t* plane, int64_t position, uint64_t bits, int count) {
  uint64_t* const word = plane + (position >> 6);
  const int shift = static_cast<int>(position & 63);
  word[0] |= bits << shift;
  if (shift + count > 64) word[1] |= bits >> (64 - shift);
}

// Calls piece(channel, channels, y, x, pixels, words of these pixels) for each matrix.
template <class Piece>
void for_pieces(const Tensor& tensor, const Piece& piece) {
  int64_t word = 0;
  for (int channel = 0; channel < tensor.channels; channel += kChannels) {
    const int channels = tensor.channels - channel < kChannels ? tensor.channels - channel : kChannels;
    for (int y = 0; y < tensor.height; ++y) {
      for (int x = 0; x < tensor.width; x += kSide) {
        const int pixels = tensor.width - x < kSide ? tensor.width - x : kSide;
        piece(channel, channels, static_cast<int64_t>(y) * tensor.stride + x, pixels, word);
        word += pixels;
      }
    }
  }
}

}  // namespace

size_t group_bytes(const Tensor& tensor) {
  const size_t groups = (static_cast<size_t>(tensor.channels) + kChannels - 1) / kChannels;
  return groups * tensor.height * tensor.width * sizeof(uint64_t);
}

Tensor planes_of(const Tensor& tensor, void* data) {
  Tensor planes = tensor;
  planes.stride = tensor.width;
  planes.plane_words = (tensor.height * tensor.width + 63) / 64;
  planes.data = data;
  return planes;
}

size_t plane_bytes(const Tensor& tensor) {
  const size_t planes = static_cast<size_t>(tensor.channels) * tensor.bits;
  return planes * planes_of(tensor, nullptr).plane_words * sizeof(uint64_t);
}

void pack_codes(const Tensor& tensor, uint64_t* words) {
  for_pieces(tensor, [&](int channel, int channels, int64_t position, int pixels, int64_t word) {
    uint64_t rows[kSide] = {};
    for (int c = 0; c < channels; ++c) {
      for (int bit = 0; bit < tensor.bits; ++bit) {
        rows[bit * kChannels + c] = read_bits(plane_of(tensor, channel + c, bit), position);
      }
    }
    transpose(rows);
    memcpy(words + word, rows, static_cast<size_t>(pixels) * sizeof *rows);
  });
}

void unpack_codes(const uint64_t* words, const Tensor& tensor) {
  const int64_t planes = static_cast<int64_t>(tensor.channels) * tensor.bits;
  memset(tensor.data, 0, static_cast<size_t>(planes * tensor.plane_words) * sizeof(uint64_t));
  for_pieces(tensor, [&](int channel, int channels, int64_t position, int pixels, int64_t word) {
    uint64_t rows[kSide] = {};
    memcpy(rows, words + word, static_cast<size_t>(pixels) * sizeof *rows);
    transpose(rows);
    for (int c = 0; c < channels; ++c) {
      for (int bit = 0; bit < tensor.bits; ++bit) {
        add_bits(plane_of(tensor, channel + c, bit), position, rows[bit * kChannels + c], pixels);
      }
    }
  });
}

}  // namespace dlk
