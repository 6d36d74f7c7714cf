// The way to the accelerator: its registers, and a piece of memory that it shares with the processor.
#pragma once

#include "../src/accelerator.h"

namespace dlk {

struct Bus;

// One kind of way.
struct BackEnd {
  int32_t timeout_ms;  // of a run, where DLK_FPGA_TIMEOUT_MS gives none
  // Fills the bus with `bytes` of memory, or with registers alone, or notes why it can't; then close is called, too.
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
  int64_t timeout_ms;       // of a run
  char* memory;             // 128-byte aligned
  uint32_t address;         // of its first byte, as the device sees it
  void* state;              // of the back end
};

dlk_status open_bus(Network& network, const BackEnd& back_end, size_t bytes, Bus& bus);
void close_bus(Bus& bus);

inline uint32_t read_register(const Bus& bus, uint32_t offset) { return bus.back_end->read32(bus, offset); }
inline void write_register(const Bus& bus, uint32_t offset, uint32_t value) {
  bus.back_end->write32(bus, offset, value);
}

// Waits until a register has a value that ends a run; false when that takes too long.
bool wait_until(const Bus& bus, uint32_t offset, bool (*ends)(uint32_t value));

extern const BackEnd kSim;     // sim.cpp
extern const BackEnd kDevMem;  // dev_mem.cpp

}  // namespace dlk
