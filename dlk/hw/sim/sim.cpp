// The simulated accelerator: the Verilated core, its two buses and a flat memory. The contract is in sim.h.
#include "sim.h"

#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "Vdlk_core.h"
#include "verilated.h"

namespace {

constexpr uint64_t kWord = 8;  // bytes
constexpr uint32_t kNoError = 0, kSlaveError = 2, kDecodeError = 3;
constexpr int kResetCycles = 4;
constexpr int kRegisterPatience = 64;  // cycles until a register's answer, which comes in four
constexpr uint32_t kNoAnswer = 0xFFFFFFFF;
constexpr uint32_t kQueue = 16;  // bursts that the memory takes before it answers the first

// A burst, or the answer to one, and the cycle from which on the memory may serve it.
struct Burst {
  uint64_t address;
  uint32_t words;
  uint32_t response;
  uint64_t ready;
};

class Queue {
 public:
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kQueue; }
  Burst& front() { return bursts_[first_ % kQueue]; }
  void push(const Burst& burst) { bursts_[(first_ + count_++) % kQueue] = burst; }
  void pop() {
    ++first_;
    --count_;
  }

 private:
  std::array<Burst, kQueue> bursts_;
  uint32_t first_ = 0, count_ = 0;
};

}  // namespace

struct dlk_sim {
  dlk_sim(void* given, uint64_t bytes, const dlk_sim_options& options)
      : core(powered_up(options.seed)),
        options(options),
        random(options.seed * 2654435761u + 1),
        own(given != nullptr ? 0 : (bytes + kWord - 1) / kWord),
        memory(given != nullptr ? static_cast<uint64_t*>(given) : own.data()),
        memory_bytes((bytes + kWord - 1) / kWord * kWord) {
    core.reset = 1;
    for (int i = 0; i < kResetCycles; ++i) clock();
    core.reset = 0;
    clock();
  }

  ~dlk_sim() { core.final(); }

  // One cycle. All outputs of the core are registered: what it sees of the memory now depends on what it said before.
  void clock() {
    if (!core.reset) drive_memory();  // before its first edge the core may say anything
    core.clock = 1;
    core.eval();
    core.clock = 0;
    core.eval();
    ++now;
  }

  uint32_t read32(uint32_t offset) {
    core.s_araddr = static_cast<uint8_t>(offset);
    core.s_arvalid = 1;
    core.s_rready = 1;
    for (int i = 0; i < kRegisterPatience; ++i) {
      const bool taken = core.s_arready;
      clock();
      if (taken) core.s_arvalid = 0;
      if (core.s_rvalid) {
        const uint32_t value = core.s_rdata;
        clock();
        core.s_rready = 0;
        return value;
      }
    }
    core.s_arvalid = 0;
    return kNoAnswer;
  }

  void write32(uint32_t offset, uint32_t value) {
    core.s_awaddr = static_cast<uint8_t>(offset);
    core.s_wdata = value;
    core.s_awvalid = core.s_wvalid = core.s_bready = 1;
    for (int i = 0; i < kRegisterPatience; ++i) {
      const bool taken = core.s_awready;
      clock();
      if (taken) core.s_awvalid = core.s_wvalid = 0;
      if (core.s_bvalid) break;
    }
    clock();
    core.s_awvalid = core.s_wvalid = core.s_bready = 0;
  }

  VerilatedContext context;
  Vdlk_core core;
  const dlk_sim_options options;
  uint32_t random;
  std::vector<uint64_t> own;
  uint64_t* const memory;
  const uint64_t memory_bytes;
  uint64_t now = 0;

 private:
  // The state of a fresh FPGA is not known: registers and memories begin with random bits.
  VerilatedContext* powered_up(uint32_t seed) {
    context.randReset(2);
    context.randSeed(static_cast<int>(seed % 0x7FFFFFFF) + 1);
    return &context;
  }

  // Whether a channel moves in this cycle.
  bool moves() {
    if (options.stall == 0) return true;
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    return (random >> 8 & 255) >= options.stall;
  }

  uint32_t response_of(uint64_t address, uint32_t words) const {
    const uint64_t end = address + words * kWord;
    if (end > memory_bytes) return kDecodeError;
    return options.fault != 0 && address <= options.fault && options.fault < end ? kSlaveError : kNoError;
  }

  Burst burst_of(uint64_t address, uint32_t length) const {
    return {address, length + 1u, response_of(address, length + 1u), now + options.latency};
  }

  void drive_memory() {
    // The handshakes of the cycle that begins now: the core's side was decided at its last edge.
    core.m_arready = !reads.full() && moves();
    if (core.m_arready && core.m_arvalid) reads.push(burst_of(core.m_araddr, core.m_arlen));
    core.m_awready = !writes.full() && moves();
    if (core.m_awready && core.m_awvalid) writes.push(burst_of(core.m_awaddr, core.m_awlen));

    // One word a cycle, of a read or of a write; they take turns.
    const bool can_read = !reads.empty() && now >= reads.front().ready && moves();
    const bool can_write = !writes.empty() && !answers.full() && core.m_wvalid && moves();
    const bool reading = can_read && !(can_write && read_last);
    const bool writing = can_write && !reading;
    if (reading || writing) read_last = reading;
    core.m_rvalid = reading;
    if (reading) read_word();
    core.m_wready = writing;
    if (writing) write_word();

    core.m_bvalid = !answers.empty() && now >= answers.front().ready && moves();
    if (core.m_bvalid) {
      core.m_bresp = answers.front().response;
      answers.pop();
    }
  }

  void read_word() {
    Burst& burst = reads.front();
    core.m_rdata = burst.response == kNoError ? memory[burst.address / kWord] : 0;
    core.m_rresp = burst.response;
    core.m_rlast = burst.words == 1;
    burst.address += kWord;
    if (--burst.words == 0) reads.pop();
  }

  void write_word() {
    Burst& burst = writes.front();
    if (burst.response == kNoError) memory[burst.address / kWord] = core.m_wdata;
    burst.address += kWord;
    if (--burst.words != 0) return;
    answers.push({0, 0, burst.response, now + options.latency});
    writes.pop();
  }

  Queue reads, writes, answers;
  bool read_last = false;
};

extern "C" {

dlk_sim* dlk_sim_create(uint64_t memory_bytes, const dlk_sim_options* options) {
  return dlk_sim_create_in(nullptr, memory_bytes, options);
}

dlk_sim* dlk_sim_create_in(void* memory, uint64_t memory_bytes, const dlk_sim_options* options) {
  static const dlk_sim_options kDefault = {30, 0, 0, 0};
  try {
    return new dlk_sim(memory, memory_bytes, options != nullptr ? *options : kDefault);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void dlk_sim_destroy(dlk_sim* sim) { delete sim; }

uint32_t dlk_sim_read32(dlk_sim* sim, uint32_t offset) { return sim->read32(offset); }

void dlk_sim_write32(dlk_sim* sim, uint32_t offset, uint32_t value) { sim->write32(offset, value); }

uint64_t dlk_sim_step(dlk_sim* sim, uint64_t cycles) {
  uint64_t passed = 0;
  while (passed < cycles && sim->core.busy) {
    sim->clock();
    ++passed;
  }
  return passed;
}

void* dlk_sim_memory(dlk_sim* sim) { return sim->memory; }

}  // extern "C"
