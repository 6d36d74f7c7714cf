// The state of one network and the parts of the runtime that work on it. Baseline code only.
#pragma once

#include "../include/dlk/dlk.h"
#include "block.h"
#include "model.h"
#include "pool.h"

namespace dlk {

struct Accelerator;

// The frames of a stream that are under way; the oldest one is in slot `first`.
struct Frames {
  float* outputs[DLK_FRAMES];
  int32_t first;
  int32_t count;
};

}  // namespace dlk

struct Network {
  const dlk::Isa* isa;  // null until initialised
  dlk::Block memory;    // for everything below
  dlk::Tensor* tensors;
  dlk::ConvLists* lists;
  char* arena;        // all tensors
  char* scratch;      // of the calling thread
  int32_t threads;    // wanted
  dlk::Pool* pool;    // the other threads; null while there are none
  float* output;      // the output tensor's own buffer, for runs that do not give one
  float least_input;  // the least magnitude of the input that is not 0
  dlk_trace_callback trace;
  void* trace_user;
  bool timing;      // take the time of the steps of a run
  bool timed;       // a run was timed
  double* seconds;  // [2, steps] wall and CPU time of the last timed run; null until timing is switched on
  dlk::Frames frames;
  const dlk::Accelerator* accelerator;  // null until initialised, and where there is none
  void* driver;                         // what the accelerator keeps of this network
  char error[1024];
};

namespace dlk {

// Notes a failure for dlk_last_error and returns it: "<text>" or "<text>: <detail>".
dlk_status fail(Network& network, dlk_status status, const char* detail = nullptr);

// isa.cpp: the best instruction set of this machine, or the one that DLK_ISA names.
dlk_status choose_isa(Network& network, const Isa** isa);

// prepare.cpp: allocates and fills everything that a run needs.
dlk_status prepare(Network& network);

// class_lists.cpp: fills the lists of one quantized convolution. False when they do not fit what the converter
// promised.
bool build_class_lists(const Step& step, const Tensor& input, const Tensor& output, ConvLists& lists);

// preprocess.cpp: the model's pre-processing of uint8 values; returns the least magnitude of the result that is not 0.
float preprocess(Preprocess kind, const uint8_t* values, int64_t count, float* to);

// prepare.cpp: what each thread needs for itself, the most of any step.
size_t scratch_bytes();

// run.cpp: starts or ends threads so that a run uses this many.
dlk_status set_threads(Network& network, int32_t threads);

// api.cpp: check a call, then fill the input tensor.
dlk_status take_input(Network* network, const float* input, const float* output);
dlk_status take_pixels(Network* network, const uint8_t* rgb, const void* output);

// run.cpp: executes steps from the first one up to the last one, which is not executed any more. Only a watched run is
// traced and timed.
dlk_status execute_steps(Network& network, int32_t first, int32_t last, bool watched);

// run.cpp: executes all steps; the input tensor is filled, the result goes to `output`.
dlk_status execute(Network& network, float* output);

// profile.cpp: take the time of a step.
void begin_step(Network& network, int32_t step);
void end_step(Network& network, int32_t step);

}  // namespace dlk
