/* A stand-in for the simulated accelerator: the interface of dlk/hw/sim/sim.h, without any RTL behind it.
 *
 * It executes command lists by the definition in dlk/hw/README.md, one command in each call of dlk_sim_step. The
 * environment variable STAND_IN lets it misbehave: words "name=hexadecimal value", separated by commas.
 *   id, version, array, buffers   what these registers read
 *   hang=N      command N never ends
 *   stuck=1     a run that hangs is not abandoned either
 *   error=C     the run ends with this error,
 *   at=N        at command N
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { PICTURE_BYTES = 1 << 28 };
enum { ROW_WORDS = 8192, COMMAND_WORDS = 16, BUSY = 1, DONE = 2, FAILED = 4, BAD_FIELD = 2, BAD_ADDRESS = 5 };
enum { ID, VERSION, ARRAY, BUFFERS, CONTROL, STATUS, LIST, COUNT, ERROR, ERROR_COMMAND, COMMANDS = 13, REGISTERS = 16 };

struct dlk_sim {
  uint8_t* memory;
  uint8_t* own;
  uint64_t bytes;
  uint32_t registers[REGISTERS];
  uint64_t row[ROW_WORDS];
  uint64_t* picture; /* [in_height][slot_words] */
  int32_t sums[32];
};

static uint32_t fault(const char* name, uint32_t otherwise) {
  const char* text = getenv("STAND_IN");
  const size_t length = strlen(name);
  while (text && *text) {
    if (strncmp(text, name, length) == 0 && text[length] == '=') return (uint32_t)strtoul(text + length + 1, NULL, 16);
    text = strchr(text, ',');
    if (text) ++text;
  }
  return otherwise;
}

dlk_sim* dlk_sim_create(uint64_t memory_bytes, const dlk_sim_options* options) {
  return dlk_sim_create_in(NULL, memory_bytes, options);
}

dlk_sim* dlk_sim_create_in(void* memory, uint64_t memory_bytes, const dlk_sim_options* options) {
  (void)options;
  dlk_sim* const sim = calloc(1, sizeof *sim);
  if (!sim) return NULL;
  sim->bytes = memory_bytes;
  sim->own = memory ? NULL : calloc(1, memory_bytes);
  sim->memory = memory ? memory : sim->own;
  sim->picture = malloc(PICTURE_BYTES);
  sim->registers[ID] = fault("id", 0x314b4c44);
  sim->registers[VERSION] = fault("version", 1);
  sim->registers[ARRAY] = fault("array", 0x10202004);
  sim->registers[BUFFERS] = fault("buffers", 0x01002000);
  return sim;
}

void dlk_sim_destroy(dlk_sim* sim) {
  free(sim->own);
  free(sim->picture);
  free(sim);
}

void* dlk_sim_memory(dlk_sim* sim) { return sim->memory; }

uint32_t dlk_sim_read32(dlk_sim* sim, uint32_t offset) {
  return offset / 4 < REGISTERS ? sim->registers[offset / 4] : 0;
}

void dlk_sim_write32(dlk_sim* sim, uint32_t offset, uint32_t value) {
  uint32_t* const registers = sim->registers;
  if (offset / 4 != CONTROL) {
    if (offset / 4 == LIST || offset / 4 == COUNT) registers[offset / 4] = value;
  } else if (value == 2) {
    if (!(registers[STATUS] & BUSY) || !fault("stuck", 0)) registers[STATUS] = 0;
  } else if (value == 1 && !(registers[STATUS] & BUSY)) {
    registers[STATUS] = BUSY;
    registers[COMMANDS] = registers[ERROR] = 0;
  }
}

static uint64_t* words(dlk_sim* sim, uint64_t address, uint64_t count) {
  const int inside = address % 8 == 0 && address + 8 * count <= sim->bytes;
  return inside ? (uint64_t*)(sim->memory + address) : NULL;
}

static uint32_t field(const uint64_t* command, int word, int low, int bits) {
  return (uint32_t)(command[word] >> low & ((UINT64_C(1) << bits) - 1));
}

/* The row pattern; false where it leaves the memory or the slot. */
static int read_row(dlk_sim* sim, const uint64_t* command, uint32_t y, uint32_t slot_words) {
  const uint32_t run = field(command, 4, 48, 16), row_shift = field(command, 8, 16, 1);
  const uint32_t word_shift = field(command, 8, 17, 1);
  const uint64_t base = field(command, 2, 0, 32) + (uint64_t)(y >> row_shift) * field(command, 5, 32, 32) +
                        (uint64_t)(y & row_shift) * field(command, 5, 0, 32);
  for (uint32_t a = 0; a < field(command, 8, 0, 8); ++a) {
    for (uint32_t b = 0; b < field(command, 8, 8, 8); ++b) {
      const uint64_t offset = (uint64_t)a * field(command, 6, 0, 32) + (uint64_t)b * field(command, 6, 32, 32);
      const uint64_t* const from = words(sim, base + offset, run);
      if (!from) return 0;
      for (uint32_t i = 0; i < run; ++i) {
        const uint32_t place = a * field(command, 7, 0, 16) + b * field(command, 7, 16, 16) +
                               (i & word_shift) * field(command, 7, 32, 16) +
                               (i >> word_shift) * field(command, 7, 48, 16);
        if (place >= slot_words) return 0;
        sim->row[place] = from[i];
      }
    }
  }
  return 1;
}

static int read_picture(dlk_sim* sim, const uint64_t* command, uint32_t height, uint32_t slot_words) {
  if ((uint64_t)height * slot_words * 8 > PICTURE_BYTES) return 0;
  for (uint32_t y = 0; y < height; ++y) {
    memset(sim->row, 0, sizeof sim->row);
    if (!read_row(sim, command, y, slot_words)) return 0;
    memcpy(sim->picture + (size_t)y * slot_words, sim->row, (size_t)slot_words * 8);
  }
  return 1;
}

static int code_of(int32_t sum, uint64_t thresholds) {
  int code = 0;
  for (int i = 0; i < 3; ++i) {
    const int16_t limit = (int16_t)(thresholds >> (16 * i));
    code += thresholds >> 48 & 1 ? sum <= limit : sum >= limit;
  }
  return code;
}

/* S of the 32 outputs of a pass for one pixel; weights: two outputs a word. */
static void sum_window(dlk_sim* sim, const uint64_t* command, const uint64_t* weights, int32_t y, int32_t x) {
  const int32_t kh = (int32_t)field(command, 0, 32, 4), kw = (int32_t)field(command, 0, 36, 4);
  const int32_t height = (int32_t)field(command, 1, 0, 16), width = (int32_t)field(command, 1, 16, 16);
  const uint32_t pitch = field(command, 4, 0, 16), slot_words = field(command, 4, 16, 16);
  memset(sim->sums, 0, sizeof sim->sums);
  for (uint32_t g = 0; g < field(command, 0, 16, 8); ++g) {
    for (int32_t ky = 0; ky < kh; ++ky) {
      for (int32_t kx = 0; kx < kw; ++kx, weights += 16) {
        const int32_t row = y + ky - (int32_t)field(command, 0, 40, 4);
        const int32_t column = x + kx - (int32_t)field(command, 0, 44, 4);
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const uint64_t codes = sim->picture[(size_t)row * slot_words + g * pitch + (uint32_t)column];
        const uint32_t low = (uint32_t)codes, high = (uint32_t)(codes >> 32);
        const int32_t all = __builtin_popcount(low) + 2 * __builtin_popcount(high);
        for (int o = 0; o < 32; ++o) {
          const uint32_t ones = (uint32_t)(weights[o / 2] >> (o % 2 * 32));
          sim->sums[o] += 2 * (__builtin_popcount(low & ones) + 2 * __builtin_popcount(high & ones)) - all;
        }
      }
    }
  }
}

static uint64_t code_word(const int32_t* sums, const uint64_t* thresholds) {
  uint64_t word = 0;
  for (int o = 0; o < 32; ++o) {
    const int code = code_of(sums[o], thresholds[o]);
    word |= (uint64_t)(code & 1) << o | (uint64_t)(code >> 1) << (32 + o);
  }
  return word;
}

/* Returns the code of an error, or 0. */
static int run_command(dlk_sim* sim, const uint64_t* command) {
  const uint32_t kh = field(command, 0, 32, 4), kw = field(command, 0, 36, 4), groups = field(command, 0, 16, 8);
  const uint32_t out_height = field(command, 1, 32, 16), out_width = field(command, 1, 48, 16);
  const uint32_t height = field(command, 1, 0, 16), slot_words = field(command, 4, 16, 16);
  const uint32_t n = field(command, 0, 8, 1) ? field(command, 0, 12, 4) : 0;
  const uint32_t pass_words = 32 + 16 * groups * kh * kw;
  if (field(command, 0, 0, 8) != 1) return 1;
  if (!kh || kh > 7 || !kw || kw > 7 || groups * kh * kw > 256 || n > 8) return BAD_FIELD;
  if (slot_words != groups * field(command, 4, 0, 16) || slot_words * field(command, 4, 32, 16) > ROW_WORDS)
    return BAD_FIELD;
  if (field(command, 4, 32, 16) < (kh < height ? kh : height) || field(command, 4, 0, 16) % 4) return BAD_FIELD;
  if (field(command, 0, 40, 4) >= kh || field(command, 0, 44, 4) >= kw) return BAD_FIELD;
  if (field(command, 3, 32, 32) != 8 * pass_words) return BAD_FIELD;
  if ((field(command, 2, 0, 32) | field(command, 2, 32, 32) | field(command, 3, 0, 32)) % 128) return BAD_ADDRESS;
  if (!read_picture(sim, command, height, slot_words)) return 3;
  const uint32_t passes = field(command, 0, 24, 8);
  uint64_t* to = words(sim, field(command, 2, 32, 32), (uint64_t)passes * out_height * out_width * (n ? n : 1));
  if (!to) return 4;
  for (uint32_t pass = 0; pass < passes; ++pass) {
    const uint64_t* const parameters =
        words(sim, field(command, 3, 0, 32) + (uint64_t)pass * 8 * pass_words, pass_words);
    if (!parameters) return 3;
    for (uint32_t y = 0; y < out_height; ++y) {
      for (uint32_t x = 0; x < out_width; ++x) {
        sum_window(sim, command, parameters + 32, (int32_t)y, (int32_t)x);
        if (!n) *to++ = code_word(sim->sums, parameters);
        for (uint32_t o = 0; o < 4 * n; ++o) ((int16_t*)to)[o] = (int16_t)sim->sums[o];
        to += n;
      }
    }
  }
  return 0;
}

uint64_t dlk_sim_step(dlk_sim* sim, uint64_t cycles) {
  uint32_t* const registers = sim->registers;
  if (!(registers[STATUS] & BUSY)) return 0;
  const uint32_t number = registers[COMMANDS];
  if (number == fault("hang", ~0u)) return cycles;
  const uint64_t* const command = words(sim, registers[LIST] + (uint64_t)number * 8 * COMMAND_WORDS, COMMAND_WORDS);
  int error = command && registers[COUNT] && registers[LIST] % 128 == 0 ? run_command(sim, command) : BAD_ADDRESS;
  if (number == fault("at", 0) && fault("error", 0)) error = (int)fault("error", 0);
  if (error) {
    registers[ERROR] = (uint32_t)error;
    registers[ERROR_COMMAND] = number;
    registers[STATUS] = FAILED;
  } else if (++registers[COMMANDS] == registers[COUNT]) {
    registers[STATUS] = DONE;
  }
  return cycles;
}
