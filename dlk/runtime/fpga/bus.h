// The way to the accelerator: its registers, and a piece of memory that it shares with the processor.
#pragma once

#include "../src/network.h"

namespace dlk {

struct Bus;

// One kind of way, by the name that DLK_FPGA gives it. A new one is a row of kBackEnds in bus.cpp.
struct BackEnd {
  const char* name;
  int32_t timeout_ms;  // of a run, where DLK_FPGA_TIMEOUT_MS gives none
  // Fills the bus with `bytes` of memory or notes why it can't; then close is called, too.
  dlk_status (*open)(Network& network, size_t bytes, Bus& bus);
  void (*close)(Bus& bus);
  uint32_t (*read32)(const Bus& bus, uint32_t offset);
  void (*write32)(const Bus& bus, uint32_t offset, uint32_t value);
  // Makes what the processor wrote there visible to the device, and the other way round.
  void (*to_device)(const Bus& bus, size_t offset, size_t bytes);
  void (*from_device)(const Bus& bus, size_t offset, size_t bytes);
  // Lets a little time pass.
  void (*pause)(const Bus& bus);
};

struct Bus {
  const BackEnd* back_end;  // null until opened
  char* memory;             // 128-byte aligned
  uint32_t address;         // of its first byte, as the device sees it
  void* state;              // of the back end
};

// Opens the way that DLK_FPGA names, or the one to the board's own registers.
dlk_status open_bus(Network& network, size_t bytes, Bus& bus);
void close_bus(Bus& bus);

extern const BackEnd kSim;     // sim.cpp
extern const BackEnd kDevMem;  // dev_mem.cpp

// Notes a failure with a detail in the manner of printf.
__attribute__((format(printf, 3, 4))) dlk_status fail_with(Network& network, dlk_status status, const char* format,
                                                           ...);

}  // namespace dlk
