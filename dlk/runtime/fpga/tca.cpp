// A convolution at a time: its input to the first place, all registers, start, wait, and from the second place on.
#include "tca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dma_buffer.h"
#include "pieces.h"
#include "registers.h"

namespace dlk {
namespace {

constexpr int32_t kTcaStart = 0;
constexpr int32_t kTcaStatus = 52;
enum Place : int32_t { kInput, kOutput };

constexpr uint32_t kEnded = 127;  // of the status
constexpr int32_t kSumWords = 8;  // of a pixel, of 32 channels
constexpr const char* kUntried = "original_tca was never run on a board";

struct Tca {
  Bus bus;  // registers alone
  DmaBuffer places[kTcaPlaces];
  Block slots;    // the input of each frame
  Block scratch;  // one layer's bit-planes, for the trace
  int32_t slot;   // that was started
  bool busy;      // it was started, and no end was seen
};

Tca& tca_of(const Network& network) { return *static_cast<Tca*>(network.driver); }

uint64_t* words_of(const DmaBuffer& place) { return reinterpret_cast<uint64_t*>(place.memory); }

const Step& accelerated_step() { return kModel.steps[kModel.accelerated_step]; }

uint64_t* slot_words(const Network& network, int32_t slot) {
  char* const first = static_cast<char*>(tca_of(network).slots.data);
  return reinterpret_cast<uint64_t*>(first + slot * group_bytes(network.tensors[accelerated_step().input]));
}

constexpr uint32_t offset_of(int32_t number) { return static_cast<uint32_t>(number) * sizeof(uint32_t); }

// The kernel must know nothing of what stands at a fixed address.
dlk_status check_free(Network& network, const char* root, const TcaPlace& place) {
  char path[512];
  snprintf(path, sizeof path, "%s/proc/iomem", root);
  FILE* const file = fopen(path, "re");
  if (!file) return fail_with(network, DLK_ACCELERATOR_ABSENT, "%s does not tell which memory is the kernel's", path);
  const unsigned long long first = place.address;
  const unsigned long long last = first + place.bytes - 1;
  char line[200];
  bool taken = false;
  while (fgets(line, sizeof line, file)) {
    unsigned long long from = 0;
    unsigned long long to = 0;
    char name[32] = "";
    if (sscanf(line, "%llx-%llx : %31[^\n]", &from, &to, name) != 3 || strcmp(name, "System RAM") != 0) continue;
    taken |= from <= last && first <= to;
  }
  fclose(file);
  if (!taken) return DLK_OK;
  return fail_with(
      network, DLK_ACCELERATOR_ABSENT,
      "memory at 0x%llx is the kernel's by %s: boot with the original's device tree, which leaves it alone", first,
      path);
}

dlk_status open_place(Network& network, const TcaPlace& place, DmaBuffer& buffer) {
  const char* const root = system_root();
  if (place.module && has_module_buffer(root, place.module)) {
    return open_module_buffer(network, root, place.module, place.bytes, buffer);
  }
  const dlk_status status = check_free(network, root, place);
  if (status != DLK_OK) return status;
  return open_region(network, root, {place.address, place.bytes}, "its memory", place.bytes, buffer);
}

size_t scratch_size() {
  size_t most = 0;
  for (int32_t i = 0; i < kTca.layer_count; ++i) {
    const size_t bytes = plane_bytes(kTca.layers[i].result);
    if (bytes > most) most = bytes;
  }
  return most;
}

dlk_status open(Network& network, const BackEnd& back_end) {
  if (kTca.misfit) return fail_with(network, DLK_NOT_AVAILABLE, "original_tca lacks what it needs: %s", kTca.misfit);
  network.driver = calloc(1, sizeof(Tca));
  if (!network.driver) return fail(network, DLK_OUT_OF_MEMORY);
  Tca& tca = tca_of(network);
  for (DmaBuffer& place : tca.places) place = kNoBuffer;
  dlk_status status = open_bus(network, back_end, 0, tca.bus);
  if (status == DLK_OK && read_register(tca.bus, kId) == kDlk) {
    status = fail(network, DLK_ACCELERATOR_FOREIGN, "the FPGA holds our own accelerator: leave DLK_FPGA unset");
  }
  for (int32_t i = 0; i < kTcaPlaces && status == DLK_OK; ++i) {
    status = open_place(network, kTca.places[i], tca.places[i]);
  }
  if (status != DLK_OK) return status;
  tca.slots = allocate(kSlots * group_bytes(network.tensors[accelerated_step().input]));
  tca.scratch = allocate(scratch_size() + 1);
  if (!tca.slots.data || !tca.scratch.data) return fail(network, DLK_OUT_OF_MEMORY);
  for (int32_t i = 0; i < kTcaPlaces; ++i) {
    if (!kTca.constants[i]) continue;
    uint64_t* const to = words_of(tca.places[i]);
    for (size_t word = 0; word < kTca.places[i].bytes / sizeof *to; ++word) to[word] = kTca.constants[i][word];
  }
  return DLK_OK;
}

void close(Network& network) {
  Tca* const tca = static_cast<Tca*>(network.driver);
  if (!tca) return;
  close_bus(tca->bus);
  for (DmaBuffer& place : tca->places) close_dma_buffer(place);
  release(tca->slots);
  release(tca->scratch);
  free(tca);
  network.driver = nullptr;
}

dlk_status fail_by_time(Network& network, const TcaLayer& layer, const char* what) {
  const Bus& bus = tca_of(network).bus;
  char dump[kTcaRegisters * 13 + 1] = "";
  size_t used = 0;
  for (int32_t i = 0; i < kTcaRegisters; ++i) {
    used +=
        static_cast<size_t>(snprintf(dump + used, sizeof dump - used, " %d=%x", i, read_register(bus, offset_of(i))));
  }
  return fail_with(network, DLK_ACCELERATOR_TIMEOUT, "%s, in layer %s (%s); registers:%s", what, layer.name, kUntried,
                   dump);
}

// There is no way to abandon a run: the next one waits for the end of one that took too long.
dlk_status run_layer(Network& network, const TcaLayer& layer) {
  Tca& tca = tca_of(network);
  const auto ends = [](uint32_t status) { return status == kEnded; };
  if (tca.busy && !wait_until(tca.bus, offset_of(kTcaStatus), ends)) {
    return fail_by_time(network, layer, "still busy with an earlier run");
  }
  uint32_t registers[kTcaRegisters];
  memcpy(registers, layer.registers, sizeof registers);
  for (int32_t i = 0; i < kTcaPlaces; ++i) registers[kTca.places[i].where] += tca.places[i].address;
  // The status as well, which is 0 in the plan: what is read later is the end of this run and of none before.
  for (int32_t i = kTcaStart + 1; i < kTcaRegisters; ++i) write_register(tca.bus, offset_of(i), registers[i]);
  write_register(tca.bus, offset_of(kTcaStart), 1);
  tca.busy = !wait_until(tca.bus, offset_of(kTcaStatus), ends);
  if (!tca.busy) return DLK_OK;
  char text[80];
  snprintf(text, sizeof text, "no end within %lld ms", static_cast<long long>(tca.bus.timeout_ms));
  return fail_by_time(network, layer, text);
}

void trace_layer(Network& network, const TcaLayer& layer) {
  const Tca& tca = tca_of(network);
  const Tensor tensor = planes_of(layer.result, tca.scratch.data);
  unpack_codes(words_of(tca.places[kOutput]), tensor);
  network.trace(layer.name, &tensor, network.trace_user);
}

dlk_status run_layers(Network& network, int32_t slot, bool traced) {
  const Tca& tca = tca_of(network);
  const uint64_t* from = slot_words(network, slot);
  for (int32_t i = 0; i < kTca.layer_count; ++i) {
    const TcaLayer& layer = kTca.layers[i];
    layer.move(from, layer.source, words_of(tca.places[kInput]));
    sync_for_device(tca.places[kInput], 0, group_bytes(layer.source));
    const dlk_status status = run_layer(network, layer);
    if (status != DLK_OK) return status;
    const bool codes = layer.result.bits != 0;
    sync_for_cpu(tca.places[kOutput], 0, group_bytes(layer.result) * (codes ? 1 : kSumWords));
    if (traced && codes) trace_layer(network, layer);
    from = words_of(tca.places[kOutput]);
  }
  return DLK_OK;
}

void load(Network& network, int32_t slot) {
  pack_codes(network.tensors[accelerated_step().input], slot_words(network, slot));
}

// The processor is needed between the layers, so all of them are run by who waits for them.
dlk_status start(Network& network, int32_t slot) {
  tca_of(network).slot = slot;
  return DLK_OK;
}

dlk_status wait(Network& network) { return run_layers(network, tca_of(network).slot, false); }

// The result of the last run, which is that of the slot: the next one begins with the next wait.
void unload(Network& network, int32_t) {
  const Step& step = accelerated_step();
  const Tensor& output = network.tensors[step.output];
  const uint64_t* const words = words_of(tca_of(network).places[kOutput]);
  if (output.bits) {
    unpack_codes(words, output);
  } else {
    unpack_sums(words, kSumWords, step.scale, step.bias, output);
  }
}

// Each layer's result stands where that of the one before stood, so they are run once more for a look.
dlk_status trace(Network& network) { return run_layers(network, 0, true); }

}  // namespace

const Accelerator kTcaDriver = {
    .open = &open,
    .close = &close,
    .load = &load,
    .start = &start,
    .wait = &wait,
    .unload = &unload,
    .trace = &trace,
};

}  // namespace dlk
