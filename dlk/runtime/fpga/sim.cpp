// The simulated accelerator: a shared library, named by DLK_FPGA_SIM, with the interface of sim.h.
#include "sim.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

namespace dlk {
namespace {

constexpr uint32_t kFirst = 1u << 16;  // of our memory; an address that was not moved leads elsewhere
constexpr uint64_t kPauseCycles = 10000;
constexpr int32_t kTimeoutMs = 30 * 60 * 1000;  // some million times slower than the device

struct Sim {
  void* library;
  dlk_sim* sim;
  decltype(&dlk_sim_create) create;
  decltype(&dlk_sim_destroy) destroy;
  decltype(&dlk_sim_read32) read32;
  decltype(&dlk_sim_write32) write32;
  decltype(&dlk_sim_step) step;
  decltype(&dlk_sim_memory) memory;
};

const Sim& sim_of(const Bus& bus) { return *static_cast<const Sim*>(bus.state); }

template <class Function>
bool load_symbol(void* library, const char* name, Function& function) {
  void* const symbol = dlsym(library, name);
  memcpy(&function, &symbol, sizeof symbol);
  return symbol;
}

bool load_symbols(Sim& sim) {
  return load_symbol(sim.library, "dlk_sim_create", sim.create) &&
         load_symbol(sim.library, "dlk_sim_destroy", sim.destroy) &&
         load_symbol(sim.library, "dlk_sim_read32", sim.read32) &&
         load_symbol(sim.library, "dlk_sim_write32", sim.write32) &&
         load_symbol(sim.library, "dlk_sim_step", sim.step) && load_symbol(sim.library, "dlk_sim_memory", sim.memory);
}

dlk_status open(Network& network, size_t bytes, Bus& bus) {
  const char* const path = getenv("DLK_FPGA_SIM");
  if (!path || !*path) return fail(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA_SIM names no simulator's library");
  Sim* const sim = static_cast<Sim*>(calloc(1, sizeof(Sim)));
  if (!sim) return fail(network, DLK_OUT_OF_MEMORY, "for the simulator");
  bus.state = sim;
  sim->library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);  // it may have given threads work for their end
  if (!sim->library) return fail(network, DLK_ACCELERATOR_ABSENT, dlerror());
  if (!load_symbols(*sim)) return fail(network, DLK_ACCELERATOR_ABSENT, dlerror());
  sim->sim = sim->create(kFirst + bytes, nullptr);
  if (!sim->sim) return fail(network, DLK_OUT_OF_MEMORY, "for the simulator");
  bus.memory = static_cast<char*>(sim->memory(sim->sim)) + kFirst;
  bus.address = kFirst;
  return DLK_OK;
}

void close(Bus& bus) {
  Sim* const sim = static_cast<Sim*>(bus.state);
  if (!sim) return;
  if (sim->sim) sim->destroy(sim->sim);
  if (sim->library) dlclose(sim->library);
  free(sim);
}

uint32_t read32(const Bus& bus, uint32_t offset) { return sim_of(bus).read32(sim_of(bus).sim, offset); }

void write32(const Bus& bus, uint32_t offset, uint32_t value) { sim_of(bus).write32(sim_of(bus).sim, offset, value); }

void see_same(const Bus&, size_t, size_t) {}

void pause(const Bus& bus) { sim_of(bus).step(sim_of(bus).sim, kPauseCycles); }

}  // namespace

const BackEnd kSim = {
    .timeout_ms = kTimeoutMs,
    .open = &open,
    .close = &close,
    .read32 = &read32,
    .write32 = &write32,
    .to_device = &see_same,
    .from_device = &see_same,
    .pause = &pause,
};

}  // namespace dlk
