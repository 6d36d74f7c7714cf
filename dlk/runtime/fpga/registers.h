// The accelerator's registers, as dlk/hw/README.md tells them.
#pragma once

#include <stdint.h>

namespace dlk {

enum Register : uint32_t {
  kId = 0x00,
  kVersion = 0x04,
  kArray = 0x08,
  kBuffers = 0x0c,
  kControl = 0x10,
  kStatus = 0x14,
  kList = 0x18,
  kCount = 0x1c,
  kError = 0x20,
  kErrorCommand = 0x24,
};

// In order, four bytes apart.
constexpr const char* kRegisterNames[] = {"ID",     "VERSION",  "ARRAY",      "BUFFERS",       "CONTROL", "STATUS",
                                          "LIST",   "COUNT",    "ERROR",      "ERROR_COMMAND", "CYCLES",  "STEPS",
                                          "STALLS", "COMMANDS", "WORDS_READ", "WORDS_WRITTEN"};

constexpr uint32_t kDlk = 0x314b4c44u;  // of kId

constexpr uint32_t kStart = 1;  // of kControl
constexpr uint32_t kAbandon = 2;

constexpr uint32_t kBusy = 1;  // of kStatus
constexpr uint32_t kDone = 2;
constexpr uint32_t kFailed = 4;

// By the code in kError.
constexpr const char* kErrorTexts[] = {
    "no error",
    "an opcode that it does not know",
    "a field of the command is not allowed",
    "the memory answered a read with an error",
    "the memory answered a write with an error",
    "the list, the count or a base address is not allowed",
};

}  // namespace dlk
