#include "bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace dlk {
namespace {

// The first one is taken where DLK_FPGA names none.
const BackEnd* const kBackEnds[] = {&kDevMem, &kSim};

}  // namespace

dlk_status fail_with(Network& network, dlk_status status, const char* format, ...) {
  char detail[sizeof network.error];
  va_list values;
  va_start(values, format);
  vsnprintf(detail, sizeof detail, format, values);
  va_end(values);
  return fail(network, status, detail);
}

dlk_status open_bus(Network& network, size_t bytes, Bus& bus) {
  const char* const named = getenv("DLK_FPGA");
  const char* const wanted = named && *named ? named : kBackEnds[0]->name;
  char known[64] = "";
  for (const BackEnd* const back_end : kBackEnds) {
    if (strcmp(back_end->name, wanted) == 0) {
      bus = {};
      bus.back_end = back_end;
      return back_end->open(network, bytes, bus);
    }
    strncat(known, " ", sizeof known - strlen(known) - 1);
    strncat(known, back_end->name, sizeof known - strlen(known) - 1);
  }
  return fail_with(network, DLK_ACCELERATOR_ABSENT, "DLK_FPGA is %s, and the ways to it are%s", wanted, known);
}

void close_bus(Bus& bus) {
  if (bus.back_end) bus.back_end->close(bus);
  bus = {};
}

}  // namespace dlk
