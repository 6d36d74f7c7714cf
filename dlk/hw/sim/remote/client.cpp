// The interface of sim.h for a program on an emulated machine: the accelerator is simulated by another process, which
// dlk/hw/sim/serve.py is, at the speed of the machine below. DLK_FPGA_SIM_SERVER names its socket.
//
// A call is one request and one answer; the memory is a file that both sides map, named as the socket and ".memory".
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim.h"

struct dlk_sim {
  int connection;
  void* memory;
  size_t bytes;
};

namespace {

constexpr uint32_t kNoAnswer = 0xFFFFFFFF;
enum Call : uint32_t { kCreate, kRead, kWrite, kStep };

struct Request {
  uint32_t call;
  uint32_t offset;
  uint64_t value;
};

bool ask(const dlk_sim& sim, Call call, uint32_t offset, uint64_t value, uint64_t& answer) {
  const Request request = {call, offset, value};
  if (send(sim.connection, &request, sizeof request, MSG_NOSIGNAL) != sizeof request) return false;
  return recv(sim.connection, &answer, sizeof answer, MSG_WAITALL) == sizeof answer;
}

bool reach(dlk_sim& sim, const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) return false;
  strcpy(address.sun_path, path);
  sim.connection = socket(AF_UNIX, SOCK_STREAM, 0);
  if (sim.connection < 0) return false;
  if (connect(sim.connection, reinterpret_cast<sockaddr*>(&address), sizeof address)) return false;
  uint64_t made = 0;
  return ask(sim, kCreate, 0, sim.bytes, made) && made;
}

bool map(dlk_sim& sim, const char* path) {
  char name[sizeof(sockaddr_un) + sizeof ".memory"];
  snprintf(name, sizeof name, "%s.memory", path);
  const int file = open(name, O_RDWR);
  if (file < 0) return false;
  void* const memory = mmap(nullptr, sim.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return false;
  sim.memory = memory;
  return true;
}

}  // namespace

extern "C" {

dlk_sim* dlk_sim_create(uint64_t memory_bytes, const dlk_sim_options*) {
  const char* const path = getenv("DLK_FPGA_SIM_SERVER");
  if (!path) return nullptr;
  dlk_sim* const sim = static_cast<dlk_sim*>(calloc(1, sizeof(dlk_sim)));
  if (!sim) return nullptr;
  sim->connection = -1;
  sim->bytes = memory_bytes;
  if (reach(*sim, path) && map(*sim, path)) return sim;
  dlk_sim_destroy(sim);
  return nullptr;
}

void dlk_sim_destroy(dlk_sim* sim) {
  if (sim->memory) munmap(sim->memory, sim->bytes);
  if (sim->connection >= 0) close(sim->connection);
  free(sim);
}

uint32_t dlk_sim_read32(dlk_sim* sim, uint32_t offset) {
  uint64_t value;
  return ask(*sim, kRead, offset, 0, value) ? static_cast<uint32_t>(value) : kNoAnswer;
}

void dlk_sim_write32(dlk_sim* sim, uint32_t offset, uint32_t value) {
  uint64_t done;
  ask(*sim, kWrite, offset, value, done);
}

uint64_t dlk_sim_step(dlk_sim* sim, uint64_t cycles) {
  uint64_t passed;
  return ask(*sim, kStep, 0, cycles, passed) ? passed : 0;
}

void* dlk_sim_memory(dlk_sim* sim) { return sim->memory; }

}  // extern "C"
