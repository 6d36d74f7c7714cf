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

// Finds the buffer and maps at least `bytes` of it; after a failure close_dma_buffer is called, too.
dlk_status open_dma_buffer(Network& network, const char* root, size_t bytes, DmaBuffer& buffer);
void close_dma_buffer(DmaBuffer& buffer);

void sync_for_device(const DmaBuffer& buffer, size_t offset, size_t bytes);
void sync_for_cpu(const DmaBuffer& buffer, size_t offset, size_t bytes);

// Maps a piece of physical memory, uncached; null when that fails, with errno.
void* map_physical(const char* root, uint64_t address, size_t bytes, int& file);

}  // namespace dlk
