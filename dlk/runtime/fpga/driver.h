// The driver of the accelerator of dlk/hw: registers, commands, waiting.
#pragma once

#include "bus.h"

namespace dlk {

// Where a frame lies in the accelerator's memory, bytes from its begin.
struct SlotPlace {
  uint32_t commands;
  uint32_t input;
  uint32_t output;
};

// Codes that a layer leaves in the memory. `codes` has no data.
struct LayerCodes {
  const char* name;
  uint32_t address;
  Tensor codes;
};

// The accelerated step; the numbers come from dlk.lowering.offload.
struct AcceleratedStep {
  int32_t command_count;
  const char* const* layers;  // [command_count] names
  const uint64_t* image;      // what stands at the memory's begin: commands of each slot, parameters
  size_t image_bytes;
  size_t bytes;  // of the whole memory
  SlotPlace slots[kSlots];
  int32_t sum_words;  // of a pixel; 0: the result is codes
  int32_t code_count;
  const LayerCodes* codes;
};

extern const AcceleratedStep kAccelerated;  // generated

extern const Accelerator kDriver;  // driver.cpp

}  // namespace dlk
