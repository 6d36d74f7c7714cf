#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "registers.h"

namespace dlk {
namespace {

struct Driver {
  Bus bus;
  Block scratch;  // one layer's bit-planes, for the trace
};

constexpr size_t kCommandWords = 16;

// What this library was made for, by register; dlk/hw/README.md tells the fields.
struct Expected {
  Register where;
  uint32_t value;
  const char* otherwise;
};

constexpr Expected kExpected[] = {
    {kId, kDlk, "a foreign device"},
    {kVersion, 1, "an accelerator of another version"},
    {kArray, 4u | 32u << 8 | 32u << 16 | 16u << 24, "an accelerator with another array"},
    {kBuffers, 8192u | 256u << 16, "an accelerator with other buffers"},
};

Driver& driver_of(const Network& network) { return *static_cast<Driver*>(network.driver); }
const Bus& bus_of(const Network& network) { return driver_of(network).bus; }

uint64_t* words_at(const Bus& bus, size_t offset) { return reinterpret_cast<uint64_t*>(bus.memory + offset); }

// Notes a failure with all registers; then abandons the run, which changes them.
dlk_status abandon(Network& network, dlk_status status, const char* detail) {
  const Bus& bus = bus_of(network);
  char dump[512] = "";
  size_t used = 0;
  uint32_t offset = 0;
  for (const char* const name : kRegisterNames) {
    used += static_cast<size_t>(snprintf(dump + used, sizeof dump - used, " %s=%x", name, read_register(bus, offset)));
    offset += sizeof(uint32_t);
  }
  write_register(bus, kControl, kAbandon);
  return fail_with(network, status, "%s; registers:%s", detail, dump);
}

// Waits until the accelerator is no longer busy; false when it takes too long.
bool wait_idle(const Bus& bus) {
  return wait_until(bus, kStatus, [](uint32_t status) { return !(status & kBusy); });
}

dlk_status identify(Network& network) {
  const Bus& bus = bus_of(network);
  const uint32_t id = read_register(bus, kId);
  if (id == 0 || id == ~0u) return fail_with(network, DLK_ACCELERATOR_ABSENT, "nothing answers: ID reads %x", id);
  for (const Expected& expected : kExpected) {
    const uint32_t found = read_register(bus, expected.where);
    if (found == expected.value) continue;
    return fail_with(network, DLK_ACCELERATOR_FOREIGN, "%s: %s reads %x, not %x", expected.otherwise,
                     kRegisterNames[expected.where / sizeof(uint32_t)], found, expected.value);
  }
  write_register(bus, kControl, kAbandon);  // what a program that ended early has left behind
  if (wait_idle(bus)) return DLK_OK;
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

size_t scratch_size() {
  size_t most = 0;
  for (int32_t i = 0; i < kAccelerated.code_count; ++i) {
    const size_t bytes = plane_bytes(kAccelerated.codes[i].codes);
    if (bytes > most) most = bytes;
  }
  return most;
}

dlk_status open(Network& network, const BackEnd& back_end) {
  network.driver = calloc(1, sizeof(Driver));
  if (!network.driver) return fail(network, DLK_OUT_OF_MEMORY);
  Driver& driver = driver_of(network);
  dlk_status status = open_bus(network, back_end, kAccelerated.bytes, driver.bus);
  if (status == DLK_OK) status = identify(network);
  if (status != DLK_OK) return status;
  driver.scratch = allocate(scratch_size() + 1);
  if (!driver.scratch.data) return fail(network, DLK_OUT_OF_MEMORY);
  copy_image(driver.bus);
  return DLK_OK;
}

dlk_status fail_by_error(Network& network) {
  const Bus& bus = bus_of(network);
  const uint32_t code = read_register(bus, kError);
  const uint32_t command = read_register(bus, kErrorCommand);
  const bool known = code < sizeof kErrorTexts / sizeof *kErrorTexts;
  const bool ours = command < static_cast<uint32_t>(kAccelerated.command_count);
  char text[200];
  snprintf(text, sizeof text, "%s, in layer %s", known ? kErrorTexts[code] : "an unknown error",
           ours ? kAccelerated.layers[command] : "none");
  return abandon(network, DLK_ACCELERATOR_ERROR, text);
}

void close(Network& network) {
  Driver* const driver = static_cast<Driver*>(network.driver);
  if (!driver) return;
  if (driver->bus.back_end && driver->scratch.data) write_register(driver->bus, kControl, kAbandon);
  close_bus(driver->bus);
  release(driver->scratch);
  free(driver);
  network.driver = nullptr;
}

void load(Network& network, int32_t slot) {
  const Bus& bus = bus_of(network);
  const Tensor& input = network.tensors[kModel.steps[kModel.accelerated_step].input];
  const uint32_t place = kAccelerated.slots[slot].input;
  pack_codes(input, words_at(bus, place));
  bus.back_end->to_device(bus, place, group_bytes(input));
}

dlk_status start(Network& network, int32_t slot) {
  const Bus& bus = bus_of(network);
  if (!wait_idle(bus)) {
    return abandon(network, DLK_ACCELERATOR_TIMEOUT, "still busy with a run that was abandoned");
  }
  write_register(bus, kList, bus.address + kAccelerated.slots[slot].commands);
  write_register(bus, kCount, static_cast<uint32_t>(kAccelerated.command_count));
  write_register(bus, kControl, kStart);
  return DLK_OK;
}

dlk_status wait(Network& network) {
  const Bus& bus = bus_of(network);
  if (wait_until(bus, kStatus, [](uint32_t status) { return (status & (kFailed | kDone)) != 0; })) {
    return read_register(bus, kStatus) & kFailed ? fail_by_error(network) : DLK_OK;
  }
  char text[80];
  snprintf(text, sizeof text, "no end within %lld ms", static_cast<long long>(bus.timeout_ms));
  return abandon(network, DLK_ACCELERATOR_TIMEOUT, text);
}

void unload(Network& network, int32_t slot) {
  const Bus& bus = bus_of(network);
  const Step& step = kModel.steps[kModel.accelerated_step];
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

dlk_status trace(Network& network) {
  const Bus& bus = bus_of(network);
  for (int32_t i = 0; i < kAccelerated.code_count; ++i) {
    const LayerCodes& layer = kAccelerated.codes[i];
    const Tensor tensor = planes_of(layer.codes, driver_of(network).scratch.data);
    bus.back_end->from_device(bus, layer.address, group_bytes(tensor));
    unpack_codes(words_at(bus, layer.address), tensor);
    network.trace(layer.name, &tensor, network.trace_user);
  }
  return DLK_OK;
}

}  // namespace

const Accelerator kDriver = {
    .open = &open,
    .close = &close,
    .load = &load,
    .start = &start,
    .wait = &wait,
    .unload = &unload,
    .trace = &trace,
};

}  // namespace dlk
