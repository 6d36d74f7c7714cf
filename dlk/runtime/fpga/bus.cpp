#include "bus.h"

#include <stdlib.h>
#include <time.h>

namespace dlk {
namespace {

int64_t now_ms() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

// DLK_FPGA_TIMEOUT_MS, or what is usual for the way.
dlk_status read_timeout(Network& network, Bus& bus) {
  const char* const text = getenv("DLK_FPGA_TIMEOUT_MS");
  bus.timeout_ms = bus.back_end->timeout_ms;
  if (!text || !*text) return DLK_OK;
  char* end = nullptr;
  bus.timeout_ms = strtol(text, &end, 10);
  if (!*end && bus.timeout_ms > 0) return DLK_OK;
  return fail_with(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA_TIMEOUT_MS is %s, and not a number of ms", text);
}

}  // namespace

dlk_status open_bus(Network& network, const BackEnd& back_end, size_t bytes, Bus& bus) {
  bus = {};
  bus.back_end = &back_end;
  const dlk_status status = read_timeout(network, bus);
  return status == DLK_OK ? back_end.open(network, bytes, bus) : status;
}

void close_bus(Bus& bus) {
  if (bus.back_end) bus.back_end->close(bus);
  bus = {};
}

bool wait_until(const Bus& bus, uint32_t offset, bool (*ends)(uint32_t value)) {
  const int64_t end = now_ms() + bus.timeout_ms;
  while (!ends(read_register(bus, offset))) {
    if (now_ms() > end) return false;
    bus.back_end->pause(bus);
  }
  return true;
}

}  // namespace dlk
