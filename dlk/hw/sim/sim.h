/* sim.h: the C interface of the simulated accelerator, libdlk_fpga_sim.so: registers and a flat memory.
 *
 * Time passes in the calls only: each call of dlk_sim_read32 and dlk_sim_write32 takes the cycles of its bus transfer,
 * dlk_sim_step as many as it is told.
 */
#ifndef DLK_HW_SIM_H_
#define DLK_HW_SIM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dlk_sim dlk_sim;

/* How the memory behaves. Reads and writes share one word of 64 bits a cycle. */
typedef struct dlk_sim_options {
  uint32_t latency; /* cycles from an address to its first word */
  uint32_t stall;   /* chance, in 1/256, that a channel does not move in a cycle */
  uint32_t seed;    /* of the stalls, and of what the registers hold before the reset */
  uint32_t fault;   /* a burst that touches this address is answered with an error; 0: none */
} dlk_sim_options;

/* A reset accelerator with a zeroed memory of this size, from address 0; null options: latency 30, no stalls.
 * Null without memory. */
dlk_sim* dlk_sim_create(uint64_t memory_bytes, const dlk_sim_options* options);
/* The same, on a memory of the caller's, which it may share with another process; null: one of its own. */
dlk_sim* dlk_sim_create_in(void* memory, uint64_t memory_bytes, const dlk_sim_options* options);
void dlk_sim_destroy(dlk_sim* sim);

uint32_t dlk_sim_read32(dlk_sim* sim, uint32_t offset);
void dlk_sim_write32(dlk_sim* sim, uint32_t offset, uint32_t value);

/* Lets cycles pass, fewer where the accelerator is no longer busy; returns how many passed. */
uint64_t dlk_sim_step(dlk_sim* sim, uint64_t cycles);

/* The memory; its first byte has address 0. */
void* dlk_sim_memory(dlk_sim* sim);

#ifdef __cplusplus
}
#endif

#endif /* DLK_HW_SIM_H_ */
