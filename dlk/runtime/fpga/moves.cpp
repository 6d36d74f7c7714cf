#include "moves.h"

#include <string.h>

#include "pieces.h"

namespace dlk {
namespace {

int64_t groups_of(const Tensor& tensor) { return (tensor.channels + 31) / 32; }

}  // namespace

void copy_words(const uint64_t* from, const Tensor& target, uint64_t* to) { memcpy(to, from, group_bytes(target)); }

void space_to_depth_words(const uint64_t* from, const Tensor& target, uint64_t* to) {
  const int64_t groups = groups_of(target) / 4;
  const int64_t width = 2 * static_cast<int64_t>(target.width);
  const int64_t space = 2 * target.height * width;
  for (int64_t group = 0; group < 4 * groups; ++group) {
    const int64_t phase = group / groups;
    const uint64_t* const first = from + group % groups * space + phase / 2 * width + phase % 2;
    for (int64_t y = 0; y < target.height; ++y) {
      for (int64_t x = 0; x < target.width; ++x) *to++ = first[2 * y * width + 2 * x];
    }
  }
}

void depth_to_space_words(const uint64_t* from, const Tensor& target, uint64_t* to) {
  const int64_t groups = groups_of(target);
  const int64_t width = target.width / 2;
  const int64_t space = target.height / 2 * width;
  for (int64_t group = 0; group < groups; ++group) {
    for (int64_t y = 0; y < target.height; ++y) {
      const uint64_t* const even = from + (y % 2 * 2 * groups + group) * space + y / 2 * width;
      const uint64_t* const odd = even + groups * space;
      for (int64_t x = 0; x < width; ++x) {
        *to++ = even[x];
        *to++ = odd[x];
      }
    }
  }
}

}  // namespace dlk
