// The choice of an accelerator.
#include "accelerator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace dlk {

dlk_status fail_with(Network& network, dlk_status status, const char* format, ...) {
  char detail[sizeof network.error];
  va_list values;
  va_start(values, format);
  vsnprintf(detail, sizeof detail, format, values);
  va_end(values);
  return fail(network, status, detail);
}

dlk_status open_accelerator(Network& network) {
  const char* const named = getenv("DLK_FPGA");
  const char* const wanted = named && *named ? named : kModel.ways->name;
  char known[64] = "";
  for (const Way* way = kModel.ways; way->name; ++way) {
    if (strcmp(way->name, wanted) == 0) {
      network.accelerator = way->accelerator;
      const dlk_status status = way->accelerator->open(network, *way->back_end);
      if (status != DLK_OK) close_accelerator(network);
      return status;
    }
    strncat(known, " ", sizeof known - strlen(known) - 1);
    strncat(known, way->name, sizeof known - strlen(known) - 1);
  }
  return fail_with(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA is %s, and the ways to it are%s", wanted, known);
}

void close_accelerator(Network& network) {
  if (network.accelerator) network.accelerator->close(network);
  network.accelerator = nullptr;
}

}  // namespace dlk
