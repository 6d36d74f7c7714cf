#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus.h"
#include "pieces.h"
#include "registers.h"

namespace dlk {

struct Driver {
  Bus bus;
  int64_t timeout_ms;
  Block scratch;  // one layer's bit-planes, for the trace
};

namespace {

constexpr size_t kCommandWords = 16;
constexpr int32_t kChannels = 32;  // of a word of codes, and of a pass of sums

// What this library was made for, by register; dlk/hw/README.md tells the fields.
struct Expected {
  Register where;
  uint32_t value;
  const char* otherwise;
};

constexpr Expected kExpected[] = {
    {kId, 0x314b4c44u, "a foreign device"},
    {kVersion, 1, "an accelerator of another version"},
    {kArray, 4u | 32u << 8 | 32u << 16 | 16u << 24, "an accelerator with another array"},
    {kBuffers, 8192u | 256u << 16, "an accelerator with other buffers"},
};

const Bus& bus_of(const Network& network) { return network.driver->bus; }
uint32_t read32(const Bus& bus, uint32_t offset) { return bus.back_end->read32(bus, offset); }
void write32(const Bus& bus, uint32_t offset, uint32_t value) { bus.back_end->write32(bus, offset, value); }

uint64_t* words_at(const Bus& bus, size_t offset) { return reinterpret_cast<uint64_t*>(bus.memory + offset); }

int64_t now_ms() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

// Notes a failure with all registers; then abandons the run, which changes them.
dlk_status abandon(Network& network, dlk_status status, const char* detail) {
  const Bus& bus = bus_of(network);
  char dump[512] = "";
  size_t used = 0;
  uint32_t offset = 0;
  for (const char* const name : kRegisterNames) {
    used += static_cast<size_t>(snprintf(dump + used, sizeof dump - used, " %s=%x", name, read32(bus, offset)));
    offset += sizeof(uint32_t);
  }
  write32(bus, kControl, kAbandon);
  return fail_with(network, status, "%s; registers:%s", detail, dump);
}

// Waits until the accelerator is no longer busy; false when it takes too long.
bool wait_idle(const Driver& driver) {
  const int64_t end = now_ms() + driver.timeout_ms;
  while (read32(driver.bus, kStatus) & kBusy) {
    if (now_ms() > end) return false;
    driver.bus.back_end->pause(driver.bus);
  }
  return true;
}

dlk_status identify(Network& network) {
  const Bus& bus = bus_of(network);
  const uint32_t id = read32(bus, kId);
  if (id == 0 || id == ~0u) return fail_with(network, DLK_ACCELERATOR_ABSENT, "nothing answers: ID reads %x", id);
  for (const Expected& expected : kExpected) {
    const uint32_t found = read32(bus, expected.where);
    if (found == expected.value) continue;
    return fail_with(network, DLK_ACCELERATOR_FOREIGN, "%s: %s reads %x, not %x", expected.otherwise,
                     kRegisterNames[expected.where / sizeof(uint32_t)], found, expected.value);
  }
  write32(bus, kControl, kAbandon);  // what a program that ended early has left behind
  if (wait_idle(*network.driver)) return DLK_OK;
  return abandon(network, DLK_ACCELERATOR_TIMEOUT, "busy with an earlier run that it does not abandon");
}

// Commands and parameters, with addresses as the device sees them.
void copy_image(const Bus& bus) {
  const AcceleratedStep& step = kAccelerated;
  uint64_t* const to = words_at(bus, 0);
  for (size_t i = 0; i < step.image_bytes / sizeof *to; ++i) to[i] = step.image[i];
  const uint64_t low = bus.address;
  for (const SlotPlace& slot : step.slots) {
    uint64_t* command = words_at(bus, slot.commands);
    for (int32_t i = 0; i < step.command_count; ++i, command += kCommandWords) {
      command[2] += low | low << 32;  // source and target
      command[3] += low;              // parameters
    }
  }
  bus.back_end->to_device(bus, 0, step.image_bytes);
}

// A layer's codes as bit-planes without gaps.
Tensor planes_of(const LayerCodes& layer) {
  Tensor tensor = layer.codes;
  tensor.stride = tensor.width;
  tensor.plane_words = (tensor.height * tensor.width + 63) / 64;
  return tensor;
}

size_t scratch_size() {
  size_t most = 0;
  for (int32_t i = 0; i < kAccelerated.code_count; ++i) {
    const Tensor tensor = planes_of(kAccelerated.codes[i]);
    const size_t planes = static_cast<size_t>(tensor.channels) * tensor.bits;
    if (planes * tensor.plane_words > most) most = planes * tensor.plane_words;
  }
  return most * sizeof(uint64_t);
}

size_t group_bytes(const Tensor& tensor) {
  const size_t groups = (static_cast<size_t>(tensor.channels) + kChannels - 1) / kChannels;
  return groups * tensor.height * tensor.width * sizeof(uint64_t);
}

// DLK_FPGA_TIMEOUT_MS, or what is usual for the way.
dlk_status read_timeout(Network& network, int64_t& timeout_ms) {
  const char* const text = getenv("DLK_FPGA_TIMEOUT_MS");
  timeout_ms = bus_of(network).back_end->timeout_ms;
  if (!text || !*text) return DLK_OK;
  char* end = nullptr;
  timeout_ms = strtol(text, &end, 10);
  if (!*end && timeout_ms > 0) return DLK_OK;
  return fail_with(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA_TIMEOUT_MS is %s, and not a number of ms", text);
}

dlk_status prepare_driver(Network& network) {
  Driver& driver = *network.driver;
  dlk_status status = open_bus(network, kAccelerated.bytes, driver.bus);
  if (status == DLK_OK) status = read_timeout(network, driver.timeout_ms);
  if (status == DLK_OK) status = identify(network);
  if (status != DLK_OK) return status;
  driver.scratch = allocate(scratch_size() + 1);
  if (!driver.scratch.data) return fail(network, DLK_OUT_OF_MEMORY);
  copy_image(driver.bus);
  return DLK_OK;
}

dlk_status fail_by_error(Network& network) {
  const Bus& bus = bus_of(network);
  const uint32_t code = read32(bus, kError);
  const uint32_t command = read32(bus, kErrorCommand);
  const bool known = code < sizeof kErrorTexts / sizeof *kErrorTexts;
  const bool ours = command < static_cast<uint32_t>(kAccelerated.command_count);
  char text[200];
  snprintf(text, sizeof text, "%s, in layer %s", known ? kErrorTexts[code] : "an unknown error",
           ours ? kAccelerated.layers[command] : "none");
  return abandon(network, DLK_ACCELERATOR_ERROR, text);
}

}  // namespace

void close_accelerator(Network& network) {
  Driver* const driver = network.driver;
  if (!driver) return;
  if (driver->bus.back_end && driver->scratch.data) write32(driver->bus, kControl, kAbandon);
  close_bus(driver->bus);
  release(driver->scratch);
  free(driver);
  network.driver = nullptr;
}

dlk_status open_accelerator(Network& network) {
  network.driver = static_cast<Driver*>(calloc(1, sizeof(Driver)));
  if (!network.driver) return fail(network, DLK_OUT_OF_MEMORY);
  const dlk_status status = prepare_driver(network);
  if (status != DLK_OK) close_accelerator(network);
  return status;
}

void load_frame(Network& network, int32_t slot) {
  const Bus& bus = bus_of(network);
  const Tensor& input = network.tensors[kModel.steps[kAccelerated.step].input];
  const uint32_t place = kAccelerated.slots[slot].input;
  pack_codes(input, words_at(bus, place));
  bus.back_end->to_device(bus, place, group_bytes(input));
}

dlk_status start_frame(Network& network, int32_t slot) {
  const Bus& bus = bus_of(network);
  if (!wait_idle(*network.driver)) {
    return abandon(network, DLK_ACCELERATOR_TIMEOUT, "still busy with a run that was abandoned");
  }
  write32(bus, kList, bus.address + kAccelerated.slots[slot].commands);
  write32(bus, kCount, static_cast<uint32_t>(kAccelerated.command_count));
  write32(bus, kControl, kStart);
  return DLK_OK;
}

dlk_status wait_for_frame(Network& network) {
  const Driver& driver = *network.driver;
  const int64_t end = now_ms() + driver.timeout_ms;
  for (;;) {
    const uint32_t status = read32(driver.bus, kStatus);
    if (status & kFailed) return fail_by_error(network);
    if (status & kDone) return DLK_OK;
    if (now_ms() > end) break;
    driver.bus.back_end->pause(driver.bus);
  }
  char text[80];
  snprintf(text, sizeof text, "no end within %lld ms", static_cast<long long>(driver.timeout_ms));
  return abandon(network, DLK_ACCELERATOR_TIMEOUT, text);
}

void unload_frame(Network& network, int32_t slot) {
  const Bus& bus = bus_of(network);
  const Step& step = kModel.steps[kAccelerated.step];
  const Tensor& output = network.tensors[step.output];
  const uint32_t place = kAccelerated.slots[slot].output;
  const size_t words = kAccelerated.sum_words ? static_cast<size_t>(kAccelerated.sum_words) : 1;
  bus.back_end->from_device(bus, place, group_bytes(output) * words);
  if (kAccelerated.sum_words) {
    unpack_sums(words_at(bus, place), kAccelerated.sum_words, step.scale, step.bias, output);
  } else {
    unpack_codes(words_at(bus, place), output);
  }
}

void trace_layers(Network& network) {
  const Bus& bus = bus_of(network);
  for (int32_t i = 0; i < kAccelerated.code_count; ++i) {
    const LayerCodes& layer = kAccelerated.codes[i];
    Tensor tensor = planes_of(layer);
    tensor.data = network.driver->scratch.data;
    bus.back_end->from_device(bus, layer.address, group_bytes(tensor));
    unpack_codes(words_at(bus, layer.address), tensor);
    network.trace(layer.name, &tensor, network.trace_user);
  }
}

}  // namespace dlk
