// A device beside the processor that executes one step of the network, in place of kernels.
#pragma once

#include "network.h"

namespace dlk {

// Each frame that can be under way has a slot for its input and its result.
constexpr int32_t kSlots = DLK_FRAMES;

struct BackEnd;  // how its registers are reached, fpga/bus.h

struct Accelerator {
  // At the end of initialisation: finds the device and gives it all that stays the same. Allocates.
  dlk_status (*open)(Network& network, const BackEnd& back_end);
  // Frees what open took; also after one that failed.
  void (*close)(Network& network);
  // Copies the step's input tensor to a slot. The device may be at work on another one.
  void (*load)(Network& network, int32_t slot);
  // Lets the device begin with a slot. It must be idle.
  dlk_status (*start)(Network& network, int32_t slot);
  // Returns when it has ended; a run that failed or took too long was abandoned.
  dlk_status (*wait)(Network& network);
  // Fills the step's output tensor from a slot. The device may be at work on another one.
  void (*unload)(Network& network, int32_t slot);
  // Tells network.trace what each layer of the step made in slot 0, which has ended.
  dlk_status (*trace)(Network& network);
};

// A device and how it is reached, by the name that DLK_FPGA gives both.
struct Way {
  const char* name;
  const Accelerator* accelerator;
  const BackEnd* back_end;
};

extern const Way kWays[];  // fpga/ways.cpp, in a library for an accelerator

// Opens the way that DLK_FPGA names, or the first one of kModel.ways.
dlk_status open_accelerator(Network& network);
void close_accelerator(Network& network);

// Notes a failure with a detail in the manner of printf.
__attribute__((format(printf, 3, 4))) dlk_status fail_with(Network& network, dlk_status status, const char* format,
                                                           ...);

}  // namespace dlk
