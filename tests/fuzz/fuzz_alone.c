/* main() for a fuzz driver where there is no libFuzzer: changes seeds at random and watches no coverage.
 *
 *   PROGRAM -runs=N -seed=N SEED...     N inputs, each a few changes of a seed
 *   PROGRAM SEED...                     each seed once, as it is
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMostSeeds = 256, kMostBytes = 512 };

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

struct seed {
  uint8_t data[kMostBytes];
  size_t size;
};

static struct seed seeds[kMostSeeds];
static uint64_t state = 1;

static uint32_t draw(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return below ? (uint32_t)(state >> 33) % below : 0;
}

static void change(struct seed* seed) {
  const uint32_t place = draw((uint32_t)seed->size);
  switch (draw(4)) {
    case 0:
      if (seed->size) seed->data[place] = (uint8_t)draw(256);
      break;
    case 1:
      if (seed->size < kMostBytes) seed->data[seed->size++] = (uint8_t)draw(256);
      break;
    case 2:
      if (seed->size) memmove(seed->data + place, seed->data + place + 1, --seed->size - place);
      break;
    default:
      if (seed->size < kMostBytes) {
        memmove(seed->data + place + 1, seed->data + place, seed->size - place);
        seed->data[place] = (uint8_t)draw(256);
        ++seed->size;
      }
      break;
  }
}

int main(int count, char** words) {
  unsigned long runs = 0, done = 0;
  uint32_t known = 0;
  for (int i = 1; i < count; ++i) {
    if (!strncmp(words[i], "-runs=", 6)) {
      runs = strtoul(words[i] + 6, NULL, 10);
    } else if (!strncmp(words[i], "-seed=", 6)) {
      state = strtoull(words[i] + 6, NULL, 10);
    } else if (words[i][0] != '-' && known < kMostSeeds) {
      FILE* const file = fopen(words[i], "rb");
      if (!file) continue;
      seeds[known].size = fread(seeds[known].data, 1, kMostBytes, file);
      fclose(file);
      ++known;
    }
  }
  for (uint32_t i = 0; i < known; ++i, ++done) LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].size);
  for (; done < runs; ++done) {
    struct seed seed = seeds[draw(known)];
    for (uint32_t changes = 1 + draw(16); changes; --changes) change(&seed);
    LLVMFuzzerTestOneInput(seed.data, seed.size);
  }
  fprintf(stderr, "stat::number_of_executed_units: %lu\n", done);
  return 0;
}
