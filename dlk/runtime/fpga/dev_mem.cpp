// The board: registers on the lightweight bridge by way of /dev/mem, and memory by way of dma_buffer.h.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "dma_buffer.h"

namespace dlk {
namespace {

constexpr uint64_t kBridge = 0xff200000u;  // of a Cyclone V; DLK_FPGA_REGISTERS names another place
constexpr size_t kRegisterBytes = 4096;
constexpr int32_t kTimeoutMs = 5000;
constexpr long kPauseNanoseconds = 50000;
constexpr const char* kManager = "sys/class/fpga_manager/fpga0/state";

struct Board {
  volatile uint32_t* registers;
  int file;
  DmaBuffer buffer;
};

Board& board_of(const Bus& bus) { return *static_cast<Board*>(bus.state); }

// The device sees what was written before, and the processor what the device wrote before.
void fence() {
#if defined(__arm__)
  asm volatile("dsb" ::: "memory");
#else
  __sync_synchronize();
#endif
}

// Reading registers of a device that is not there may stop the processor for good, so the kernel is asked first.
dlk_status check_configured(Network& network, const char* root) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", root, kManager);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return DLK_OK;  // a kernel without that driver
  char state[40] = "";
  const ssize_t length = read(file, state, sizeof state - 1);
  ::close(file);
  if (length > 0 && strncmp(state, "operating", 9) == 0) return DLK_OK;
  state[strcspn(state, "\n")] = 0;
  return fail_with(network, DLK_ACCELERATOR_ABSENT, "the FPGA is not configured: %s tells \"%s\"", path, state);
}

dlk_status open_board(Network& network, size_t bytes, Bus& bus) {
  const char* const root = system_root();
  const char* const place = getenv("DLK_FPGA_REGISTERS");
  char* end = nullptr;
  const uint64_t address = place && *place ? strtoull(place, &end, 0) : kBridge;
  if (end && (*end || address % kRegisterBytes)) {
    return fail_with(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA_REGISTERS is %s, and not an address of a page", place);
  }
  Board* const board = static_cast<Board*>(calloc(1, sizeof(Board)));
  if (!board) return fail(network, DLK_OUT_OF_MEMORY);
  bus.state = board;
  board->file = -1;
  board->buffer = kNoBuffer;
  dlk_status status = check_configured(network, root);
  if (status == DLK_OK && bytes) status = open_dma_buffer(network, root, bytes, board->buffer);
  if (status != DLK_OK) return status;
  void* const registers = map_physical(root, address, kRegisterBytes, board->file);
  if (!registers) {
    return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s/dev/mem: %s; it takes the rights of root", root,
                     strerror(errno));
  }
  if (flock(board->file, LOCK_EX | LOCK_NB)) {
    return fail(network, DLK_ACCELERATOR_ABSENT, "another network uses it");
  }
  board->registers = static_cast<volatile uint32_t*>(registers);
  bus.memory = board->buffer.memory;
  bus.address = board->buffer.address;
  return DLK_OK;
}

void close_board(Bus& bus) {
  Board* const board = static_cast<Board*>(bus.state);
  if (!board) return;
  if (board->registers) munmap(const_cast<uint32_t*>(board->registers), kRegisterBytes);
  if (board->file >= 0) ::close(board->file);
  close_dma_buffer(board->buffer);
  free(board);
}

uint32_t read32(const Bus& bus, uint32_t offset) {
  const uint32_t value = board_of(bus).registers[offset / sizeof(uint32_t)];
  fence();
  return value;
}

void write32(const Bus& bus, uint32_t offset, uint32_t value) {
  fence();
  board_of(bus).registers[offset / sizeof(uint32_t)] = value;
}

void to_device(const Bus& bus, size_t offset, size_t bytes) { sync_for_device(board_of(bus).buffer, offset, bytes); }

void from_device(const Bus& bus, size_t offset, size_t bytes) { sync_for_cpu(board_of(bus).buffer, offset, bytes); }

void pause(const Bus&) {
  const timespec time = {0, kPauseNanoseconds};
  nanosleep(&time, nullptr);
}

}  // namespace

const BackEnd kDevMem = {
    .timeout_ms = kTimeoutMs,
    .open = &open_board,
    .close = &close_board,
    .read32 = &read32,
    .write32 = &write32,
    .to_device = &to_device,
    .from_device = &from_device,
    .pause = &pause,
};

}  // namespace dlk
