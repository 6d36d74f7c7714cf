// Zeroed memory in large pages where the system has them.
#pragma once

#include <stddef.h>

namespace dlk {

struct Block {
  char* data;  // 64-byte aligned; null when there is no memory
  size_t mapped;
};

Block allocate(size_t size);
void release(Block& block);

}  // namespace dlk
