// A device beside the processor that executes one step of the network, in place of kernels.
#pragma once

#include "network.h"

namespace dlk {

// Each frame that can be under way has a slot for its input and its result.
constexpr int32_t kSlots = DLK_FRAMES;

struct Accelerator {
  int32_t step;  // its number
  // At the end of initialisation: finds the device and gives it all that stays the same. Allocates.
  dlk_status (*open)(Network& network);
  // Frees what open took; also after one that failed, or none.
  void (*close)(Network& network);
  // Copies the step's input tensor to a slot. The device may be at work on another one.
  void (*load)(Network& network, int32_t slot);
  // Lets the device begin with a slot. It must be idle.
  dlk_status (*start)(Network& network, int32_t slot);
  // Returns when it has ended; a run that failed or took too long was abandoned.
  dlk_status (*wait)(Network& network);
  // Fills the step's output tensor from a slot. The device may be at work on another one.
  void (*unload)(Network& network, int32_t slot);
  // Tells network.trace what each layer of the step made in slot 0.
  void (*trace)(Network& network);
};

}  // namespace dlk
