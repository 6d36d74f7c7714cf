// The accelerator of the original project, whose bitstream the user supplies. Never run: no board, no bitstream at
// hand.
//
// It executes one convolution at a time, told by its registers; the numbers come from dlk.lowering.tca.
#pragma once

#include "bus.h"
#include "moves.h"

namespace dlk {

constexpr int32_t kTcaRegisters = 53;
constexpr int32_t kTcaPlaces = 4;

// A fixed place of its memory. A register holds where a layer's part begins: in the plan, bytes from the place's begin.
struct TcaPlace {
  int32_t where;       // the register
  uint32_t address;    // physical
  const char* module;  // the buffer of u-dma-buf that stands in for it where there is one; may be null
  size_t bytes;        // that the network needs
};

struct TcaLayer {
  const char* name;
  uint32_t registers[kTcaRegisters];
  Move move;      // from what the layer before made to its input
  Tensor source;  // shapes: without data
  Tensor result;
};

struct TcaPlan {
  const char* misfit;                     // why this network can't be executed that way; null where it can
  TcaPlace places[kTcaPlaces];            // input, output, kernels, thresholds
  const uint64_t* constants[kTcaPlaces];  // what stands there for all runs; null for input and output
  int32_t layer_count;
  const TcaLayer* layers;
};

extern const TcaPlan kTca;            // generated
extern const Accelerator kTcaDriver;  // tca.cpp

}  // namespace dlk
