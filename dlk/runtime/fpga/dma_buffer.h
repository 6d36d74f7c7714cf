// Memory that the accelerator reaches by itself: a buffer of the kernel module u-dma-buf, or a region that the kernel
// was told to leave alone.
#pragma once

#include "bus.h"

namespace dlk {

struct DmaBuffer {
  char* memory;
  size_t bytes;
  uint32_t address;  // physical
  int device;        // open file, -1: none
  int sync_offset;   // files that tell u-dma-buf which part to synchronise; -1: the memory is not cached
  int sync_size;
  int sync_for_cpu;
  int sync_for_device;
};

constexpr DmaBuffer kNoBuffer = {nullptr, 0, 0, -1, -1, -1, -1, -1};

// A region of physical memory.
struct Region {
  uint64_t address;
  uint64_t bytes;
};

// The folder that holds dev, proc and sys: DLK_FPGA_ROOT, or the system's own.
const char* system_root();

// Finds the buffer that the environment names and maps at least `bytes` of it; after a failure close_dma_buffer is
// called, too. So it is for the two below.
dlk_status open_dma_buffer(Network& network, const char* root, size_t bytes, DmaBuffer& buffer);
void close_dma_buffer(DmaBuffer& buffer);

// One of the two kinds by itself: a buffer of u-dma-buf by its name, which tells whether there is one, or a region,
// which an error calls `what`.
bool has_module_buffer(const char* root, const char* name);
dlk_status open_module_buffer(Network& network, const char* root, const char* name, size_t bytes, DmaBuffer& buffer);
dlk_status open_region(Network& network, const char* root, const Region& region, const char* what, size_t bytes,
                       DmaBuffer& buffer);

void sync_for_device(const DmaBuffer& buffer, size_t offset, size_t bytes);
void sync_for_cpu(const DmaBuffer& buffer, size_t offset, size_t bytes);

// Maps a piece of physical memory, uncached; null when that fails, with errno.
void* map_physical(const char* root, uint64_t address, size_t bytes, int& file);

}  // namespace dlk
