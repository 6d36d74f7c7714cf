// Floats between convolutions: what graphs from elsewhere have beside quantized layers. Plain loops over NHWC, each
// operation rounded to float32 in the order of docs/numerics.md; a result that is subnormal or -0 becomes +0.
#pragma once

#include "float_conv.h"

namespace dlk {
namespace DLK_NAMESPACE {

DLK_INLINE float flushed(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7fffffffu) < 0x00800000u ? 0.0f : value;
}

DLK_INLINE const float* row_of(const Tensor& tensor, int64_t y) {
  return static_cast<const float*>(tensor.data) + y * tensor.width * tensor.channels;
}

DLK_INLINE const float* pixel_of(const Tensor& tensor, int64_t y, int64_t x) {
  return row_of(tensor, y) + x * tensor.channels;
}

DLK_INLINE float* row_to(const Tensor& tensor, int64_t y) {
  return static_cast<float*>(tensor.data) + y * tensor.width * tensor.channels;
}

// What works on rows of the output.
struct OnRows {
  static int64_t items(const StepCall& call) { return call.output->height; }
};

// Calls make(y, x, pixel) for each pixel of some rows of the output.
template <class Make>
DLK_INLINE void each_pixel(const StepCall& call, int64_t first, int64_t last, const Make& make) {
  const Tensor& output = *call.output;
  for (int64_t y = first; y < last; ++y) {
    float* to = row_to(output, y);
    for (int64_t x = 0; x < output.width; ++x, to += output.channels) make(y, x, to);
  }
}

// Of two floats, or of one and the step's constant.
struct Plus {
  static float of(float a, float b) { return a + b; }
};
struct Minus {
  static float of(float a, float b) { return a - b; }
};
struct Times {
  static float of(float a, float b) { return a * b; }
};
struct Larger {
  static float of(float a, float b) { return a > b ? a : b; }
};
struct Smaller {
  static float of(float a, float b) { return a < b ? a : b; }
};
struct Rectified {
  static float of(float a, float) { return a > 0.0f ? a : 0.0f; }
};
struct Leaky {
  static float of(float a, float slope) { return a > 0.0f ? a : a * slope; }
};

// y = f(a, b) for each element.
template <class Function>
struct Pointwise : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int64_t count = static_cast<int64_t>(call.output->width) * call.output->channels;
    const float slope = call.step->table ? *call.step->table : 0.0f;
    for (int64_t y = first; y < last; ++y) {
      const float* const a = row_of(*call.input, y);
      const float* const b = call.second ? row_of(*call.second, y) : nullptr;
      float* const to = row_to(*call.output, y);
      for (int64_t i = 0; i < count; ++i) to[i] = flushed(Function::of(a[i], b ? b[i] : slope));
    }
  }
};

// y = x * scale + bias by channel.
struct AffineFloats : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int channels = call.output->channels;
    each_pixel(call, first, last, [&](int64_t y, int64_t x, float* to) {
      const float* const from = pixel_of(*call.input, y, x);
      for (int c = 0; c < channels; ++c) to[c] = flushed(from[c] * call.step->scale[c] + call.step->bias[c]);
    });
  }
};

// Codes of floats: the number of thresholds that a float reaches. Floats are compared as integers that ascend as they
// do; a channel of direction - compares negated floats. Items are strips of the output's stream.
template <int Bits>
struct ThresholdFloats {
  static constexpr int kLevels = (1 << Bits) - 1;

  static int64_t items(const StepCall& call) { return tiles(*call.output, 32 * kStripWords); }

  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& output = *call.output;
    const int64_t end = tiles(output, 32);
    for (int64_t word = first * kStripWords; word < last * kStripWords && word < end; ++word) {
      const float* pixels[32];
      find(call, 32 * word, pixels);
      for (int c = 0; c < output.channels; ++c) write_word(call, c, word, pixels);
    }
  }

 private:
  static DLK_INLINE void find(const StepCall& call, int64_t position, const float* (&pixels)[32]) {
    const Tensor& output = *call.output;
    int64_t y = position / output.stride;
    int64_t x = position % output.stride;
    for (int i = 0; i < 32; ++i) {
      const bool inside = x < output.width && y < output.height;
      pixels[i] = inside ? pixel_of(*call.input, y, x) : nullptr;
      if (++x == output.stride) {
        x = 0;
        ++y;
      }
    }
  }

  static DLK_INLINE void write_word(const StepCall& call, int channel, int64_t word, const float* const* pixels) {
    const int32_t* const thresholds = call.step->int_thresholds + static_cast<int64_t>(channel) * kLevels;
    const bool falling = call.step->directions[channel] < 0;
    uint32_t planes[Bits] = {};
    for (int i = 0; i < 32; ++i) {
      if (!pixels[i]) continue;
      const float value = flushed(falling ? -pixels[i][channel] : pixels[i][channel]);
      int32_t bits;
      memcpy(&bits, &value, sizeof bits);
      const int32_t place = bits ^ ((bits >> 31) & 0x7fffffff);
      uint32_t code = 0;
      for (int level = 0; level < kLevels; ++level) code += place >= thresholds[level];
      for (int b = 0; b < Bits; ++b) planes[b] |= (code >> b & 1u) << i;
    }
    for (int b = 0; b < Bits; ++b) reinterpret_cast<uint32_t*>(plane_of(*call.output, channel, b))[word] = planes[b];
  }
};

// What stands under a window, tap by tap: calls take(pixel) for those in the image and returns how many there are.
template <class Take>
DLK_INLINE int under_window(const StepCall& call, int64_t y, int64_t x, const Take& take) {
  const Tensor& input = *call.input;
  const Step& step = *call.step;
  int count = 0;
  for (int t = 0; t < step.tap_count; ++t) {
    const int64_t row = y * step.stride + step.taps[t].dy;
    const int64_t column = x * step.stride + step.taps[t].dx;
    if (row < 0 || row >= input.height || column < 0 || column >= input.width) continue;
    take(pixel_of(input, row, column), count++);
  }
  return count;
}

// The largest float of each window.
struct MaxPoolFloats : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int channels = call.output->channels;
    each_pixel(call, first, last, [&](int64_t y, int64_t x, float* to) {
      under_window(call, y, x, [&](const float* pixel, int number) {
        for (int c = 0; c < channels; ++c) to[c] = number && to[c] > pixel[c] ? to[c] : pixel[c];
      });
    });
  }
};

// The mean of each window: the sum in the order of the taps, times a reciprocal.
struct AveragePoolFloats : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int channels = call.output->channels;
    each_pixel(call, first, last, [&](int64_t y, int64_t x, float* to) {
      const int count = under_window(call, y, x, [&](const float* pixel, int number) {
        for (int c = 0; c < channels; ++c) to[c] = (number ? to[c] : 0.0f) + pixel[c];
      });
      const float share = call.step->table[count];
      for (int c = 0; c < channels; ++c) to[c] = flushed(to[c] * share);
    });
  }
};

// exp(x) for x <= 0: x = k ln 2 + r, a polynomial of r, k added to the exponent. Below -87 it is 0.
DLK_INLINE float exponential(float x) {
  if (x < -87.0f) return 0.0f;
  const float k = static_cast<float>(static_cast<int32_t>(x * 0x1.715476p+0f - 0.5f));
  const float r = (x - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;
  constexpr float kFactors[] = {0x1.111112p-7f, 0x1.555556p-5f, 0x1.555556p-3f, 0.5f, 1.0f, 1.0f};
  float value = 0x1.6c16c2p-10f;
  for (const float factor : kFactors) value = value * r + factor;
  int32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits += static_cast<int32_t>(k) * (1 << 23);
  memcpy(&value, &bits, sizeof value);
  return value;
}

// 1 / x for x >= 1, without a division: Newton's method from a guess that halves nothing but the exponent.
DLK_INLINE float reciprocal(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = 0x7ef311c7 - bits;
  float value;
  memcpy(&value, &bits, sizeof value);
  for (int i = 0; i < 4; ++i) value = value * (2.0f - x * value);
  return value;
}

// Shares of exp over the channels of a pixel, summed in order.
struct SoftmaxFloats : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int channels = call.output->channels;
    each_pixel(call, first, last, [&](int64_t y, int64_t x, float* to) {
      const float* const from = pixel_of(*call.input, y, x);
      float largest = from[0];
      for (int c = 1; c < channels; ++c) largest = from[c] > largest ? from[c] : largest;
      float sum = 0.0f;
      for (int c = 0; c < channels; ++c) {
        to[c] = exponential(from[c] - largest);
        sum += to[c];
      }
      const float share = reciprocal(sum);
      for (int c = 0; c < channels; ++c) to[c] = flushed(to[c] * share);
    });
  }
};

// The input into the output, `before` rows, columns and channels from its begin; kClear: zeros around it.
template <bool kClear>
struct PutFloats : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const Tensor& input = *call.input;
    const Tensor& output = *call.output;
    const int32_t* const before = call.step->before;
    for (int64_t y = first; y < last; ++y) {
      float* const row = row_to(output, y);
      if (kClear) {
        for (int64_t i = 0; i < static_cast<int64_t>(output.width) * output.channels; ++i) row[i] = 0.0f;
      }
      if (y < before[0] || y - before[0] >= input.height) continue;
      const float* from = row_of(input, y - before[0]);
      float* to = row + static_cast<int64_t>(before[1]) * output.channels + before[2];
      for (int x = 0; x < input.width; ++x, from += input.channels, to += output.channels) {
        for (int c = 0; c < input.channels; ++c) to[c] = from[c];
      }
    }
  }
};

// Some channels of the input, from `before[2]` on.
struct TakeFloats : OnRows {
  static void run(const StepCall& call, int64_t first, int64_t last) {
    const int channels = call.output->channels;
    each_pixel(call, first, last, [&](int64_t y, int64_t x, float* to) {
      const float* const from = pixel_of(*call.input, y, x) + call.step->before[2];
      for (int c = 0; c < channels; ++c) to[c] = from[c];
    });
  }
};

}  // namespace DLK_NAMESPACE
}  // namespace dlk
