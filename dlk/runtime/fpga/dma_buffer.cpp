#include "dma_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dlk {
namespace {

constexpr const char* kClasses[] = {"u-dma-buf", "udmabuf"};  // the module's name today, and before 2020
constexpr const char* kDefaultName = "udmabuf0";
constexpr uint64_t kLimit = uint64_t{1} << 32;  // addresses have 32 bits
constexpr uint32_t kAlignment = 128;
constexpr size_t kPath = 512;

int open_attribute(const char* folder, const char* name, int flags) {
  char path[kPath + 32];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return open(path, flags | O_CLOEXEC);
}

bool read_number(const char* folder, const char* name, uint64_t& value) {
  const int file = open_attribute(folder, name, O_RDONLY);
  if (file < 0) return false;
  char text[40] = "";
  const ssize_t length = read(file, text, sizeof text - 1);
  ::close(file);
  char* end = nullptr;
  value = length > 0 ? strtoull(text, &end, 0) : 0;
  return length > 0 && end != text;
}

void write_number(int file, uint64_t value) {
  char text[24];
  const int length = snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(value));
  if (pwrite(file, text, static_cast<size_t>(length), 0) != length) return;  // the run's result will tell
}

dlk_status check_region(Network& network, const Region& region, size_t bytes, const char* what) {
  if (region.bytes < bytes) {
    return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s has %llu bytes, and the network needs %zu", what,
                     static_cast<unsigned long long>(region.bytes), bytes);
  }
  if (region.address % kAlignment || region.address + bytes > kLimit) {
    return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s lies at 0x%llx, which is no multiple of %u below 4 GiB", what,
                     static_cast<unsigned long long>(region.address), kAlignment);
  }
  return DLK_OK;
}

// DLK_FPGA_MEMORY=ADDRESS:BYTES, a region that the device tree keeps the kernel from.
dlk_status open_named_region(Network& network, const char* root, const char* text, size_t bytes, DmaBuffer& buffer) {
  char* end = nullptr;
  Region region = {strtoull(text, &end, 0), 0};
  if (*end == ':') region.bytes = strtoull(end + 1, &end, 0);
  if (*end || !region.bytes) {
    return fail_with(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA_MEMORY is %s, and not ADDRESS:BYTES", text);
  }
  return open_region(network, root, region, "DLK_FPGA_MEMORY", bytes, buffer);
}

// The attributes by which parts of a cached buffer are synchronised.
bool open_sync(const char* folder, DmaBuffer& buffer) {
  buffer.sync_offset = open_attribute(folder, "sync_offset", O_WRONLY);
  buffer.sync_size = open_attribute(folder, "sync_size", O_WRONLY);
  buffer.sync_for_cpu = open_attribute(folder, "sync_for_cpu", O_WRONLY);
  buffer.sync_for_device = open_attribute(folder, "sync_for_device", O_WRONLY);
  return buffer.sync_offset >= 0 && buffer.sync_size >= 0 && buffer.sync_for_cpu >= 0 && buffer.sync_for_device >= 0;
}

// The folder of sys that tells about a buffer of u-dma-buf; false where there is none.
bool find_module(const char* root, const char* name, char (&folder)[kPath]) {
  for (const char* const kind : kClasses) {
    snprintf(folder, sizeof folder, "%s/sys/class/%s/%s", root, kind, name);
    if (access(folder, F_OK) == 0) return true;
  }
  return false;
}

void sync_part(const DmaBuffer& buffer, int file, size_t offset, size_t bytes) {
  if (file < 0) return;
  write_number(buffer.sync_offset, offset);
  write_number(buffer.sync_size, bytes);
  write_number(file, 1);
}

}  // namespace

const char* system_root() {
  const char* const named = getenv("DLK_FPGA_ROOT");
  return named ? named : "";
}

bool has_module_buffer(const char* root, const char* name) {
  char folder[kPath];
  return find_module(root, name, folder);
}

dlk_status open_module_buffer(Network& network, const char* root, const char* name, size_t bytes, DmaBuffer& buffer) {
  buffer = kNoBuffer;
  buffer.bytes = bytes;
  char folder[kPath];
  Region region = {};
  if (!find_module(root, name, folder) || !read_number(folder, "phys_addr", region.address) ||
      !read_number(folder, "size", region.bytes) || !open_sync(folder, buffer)) {
    return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s lacks what u-dma-buf has, or may not be used", folder);
  }
  const dlk_status status = check_region(network, region, bytes, folder);
  if (status != DLK_OK) return status;
  char path[kPath];
  snprintf(path, sizeof path, "%s/dev/%s", root, name);
  buffer.device = open(path, O_RDWR | O_CLOEXEC);
  if (buffer.device < 0) return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s: %s", path, strerror(errno));
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, buffer.device, 0);
  if (memory == MAP_FAILED) return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s: %s", path, strerror(errno));
  buffer.memory = static_cast<char*>(memory);
  buffer.address = static_cast<uint32_t>(region.address);
  return DLK_OK;
}

dlk_status open_region(Network& network, const char* root, const Region& region, const char* what, size_t bytes,
                       DmaBuffer& buffer) {
  buffer = kNoBuffer;
  buffer.bytes = bytes;
  const dlk_status status = check_region(network, region, bytes, what);
  if (status != DLK_OK) return status;
  void* const memory = map_physical(root, region.address, bytes, buffer.device);
  if (!memory) return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s/dev/mem: %s", root, strerror(errno));
  buffer.memory = static_cast<char*>(memory);
  buffer.address = static_cast<uint32_t>(region.address);
  return DLK_OK;
}

void* map_physical(const char* root, uint64_t address, size_t bytes, int& file) {
  char path[kPath];
  snprintf(path, sizeof path, "%s/dev/mem", root);
  file = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(address));
  return memory == MAP_FAILED ? nullptr : memory;
}

dlk_status open_dma_buffer(Network& network, const char* root, size_t bytes, DmaBuffer& buffer) {
  const char* const region = getenv("DLK_FPGA_MEMORY");
  if (region && *region) return open_named_region(network, root, region, bytes, buffer);
  const char* const named = getenv("DLK_FPGA_BUFFER");
  const char* const name = named && *named ? named : kDefaultName;
  if (has_module_buffer(root, name)) return open_module_buffer(network, root, name, bytes, buffer);
  return fail_with(network, DLK_ACCELERATOR_ABSENT,
                   "there is no memory to share: neither %s/sys/class/u-dma-buf/%s, of the kernel module u-dma-buf, "
                   "nor DLK_FPGA_MEMORY",
                   root, name);
}

void close_dma_buffer(DmaBuffer& buffer) {
  if (buffer.memory) munmap(buffer.memory, buffer.bytes);
  const int files[] = {buffer.device, buffer.sync_offset, buffer.sync_size, buffer.sync_for_cpu,
                       buffer.sync_for_device};
  for (const int file : files) {
    if (file >= 0) ::close(file);
  }
}

void sync_for_device(const DmaBuffer& buffer, size_t offset, size_t bytes) {
  sync_part(buffer, buffer.sync_for_device, offset, bytes);
}

void sync_for_cpu(const DmaBuffer& buffer, size_t offset, size_t bytes) {
  sync_part(buffer, buffer.sync_for_cpu, offset, bytes);
}

}  // namespace dlk
