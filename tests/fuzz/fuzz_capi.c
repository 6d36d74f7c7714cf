/* The C API under arbitrary calls: each byte of an input chooses a function, the bytes after it its arguments.
 *
 * Three networks are made, run, changed and deleted in any order, with null pointers, numbers out of range, threads and
 * frames under way. Sanitizers watch over the memory; here it is checked that every call answers what dlk.h promises,
 * and that every network gives the same bits for the same picture, whatever was called before.
 *
 * Built with clang's libFuzzer, or with fuzz_alone.c, which has main() and no coverage.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dlk/dlk.h"

enum { kNetworks = 3, kMostThreads = 4, kMostCalls = 24 };

struct bytes {
  const uint8_t* data;
  size_t left;
};

struct subject {
  Network* network;
  int ready; /* initialised */
  int32_t frames;
  float* input;  /* of exactly the size that the network reads, so that a read past the end is seen */
  float* output; /* likewise */
  float* frame_outputs[DLK_FRAMES];
  uint8_t* pixels;
  uint8_t* classes;
  double* seconds;
};

static size_t inputs, outputs, positions;
static int32_t depth, channels; /* of the input and of the output */
static float* expected;         /* what every network gives for the picture of zeros */

static void fault(const char* what) {
  fprintf(stderr, "the C API broke its promise: %s\n", what);
  abort();
}

static void need(int holds, const char* what) {
  if (!holds) fault(what);
}

static uint8_t take(struct bytes* bytes) {
  if (!bytes->left) return 0;
  --bytes->left;
  return *bytes->data++;
}

static int32_t take_number(struct bytes* bytes) {
  static const int32_t kEdges[] = {0, 1, -1, 64, 65, INT32_MAX, INT32_MIN, 2};
  const uint8_t byte = take(bytes);
  return byte < 8 ? kEdges[byte] : (int32_t)byte - 128;
}

/* Fills floats by repeating up to 16 words of the input, which may be NaN, infinite, subnormal or huge. */
static void take_floats(struct bytes* bytes, float* values) {
  uint32_t words[16] = {0};
  const int count = 1 + take(bytes) % 16;
  for (int i = 0; i < count; ++i) {
    for (int part = 0; part < 4; ++part) words[i] = words[i] << 8 | take(bytes);
  }
  for (size_t i = 0; i < inputs; ++i) memcpy(&values[i], &words[i % (size_t)count], sizeof(float));
}

static void take_pixels(struct bytes* bytes, uint8_t* pixels) {
  const uint8_t first = take(bytes), step = take(bytes);
  for (size_t i = 0; i < inputs; ++i) pixels[i] = (uint8_t)(first + i * step);
}

static int acceptable(const float* values) {
  for (size_t i = 0; i < inputs; ++i) {
    if (!(fabsf(values[i]) < 0x1p64f)) return 0;
  }
  return 1;
}

static void check_output(const float* values) {
  for (size_t i = 0; i < outputs; ++i) {
    need(isfinite(values[i]), "the output holds NaN or infinity");
    need(values[i] != 0.0f || !signbit(values[i]), "the output holds -0");
  }
}

static void check_status(dlk_status status) {
  need((unsigned)status <= DLK_ACCELERATOR_ERROR, "an unknown status");
  need(strcmp(dlk_status_text(status), "unknown status") != 0, "a status without text");
}

static void trace(const char* step, const dlk_tensor* tensor, void* user) {
  int32_t shape[3];
  need(step && *step && user == &channels, "a callback without its step");
  need(dlk_tensor_shape(tensor, shape) == DLK_OK, "a tensor without a shape");
  const size_t count = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
  uint8_t* const codes = malloc(count);
  need(codes && dlk_tensor_codes(tensor, codes) == DLK_OK, "a tensor without codes");
  for (size_t i = 0; i < count; ++i) need(codes[i] >> dlk_tensor_bits(tensor) == 0, "a code beyond its bits");
  free(codes);
  need(dlk_tensor_codes(tensor, NULL) == DLK_NULL_POINTER, "codes to nowhere");
  need(dlk_tensor_shape(tensor, NULL) == DLK_NULL_POINTER, "a shape to nowhere");
}

/* What a call that runs must answer before it looks at the values; DLK_OK where it may run. */
static dlk_status before_run(const struct subject* subject, const void* input, const void* output) {
  if (!subject->network) return DLK_NULL_POINTER;
  if (!subject->ready) return DLK_NOT_INITIALIZED;
  return input && output ? DLK_OK : DLK_NULL_POINTER;
}

static void run_floats(struct subject* subject, struct bytes* bytes) {
  const uint8_t how = take(bytes);
  take_floats(bytes, subject->input);
  const float* const input = how & 1 ? NULL : subject->input;
  float* const output = how & 2 ? NULL : subject->output;
  dlk_status want = before_run(subject, input, output);
  if (want == DLK_OK && !acceptable(subject->input)) want = DLK_INPUT_VALUE;
  if (want == DLK_OK && subject->frames) want = DLK_NOT_AVAILABLE;
  if (how & 4) {
    for (size_t i = 0; i < outputs; ++i) subject->output[i] = 1.0f;
    network_run(subject->network, (void*)input, output);
    if (want == DLK_INPUT_VALUE || want == DLK_NOT_AVAILABLE) need(isnan(subject->output[0]), "a failure without NaN");
  } else {
    need(dlk_run(subject->network, input, output) == want, "dlk_run answers otherwise");
  }
  if (want == DLK_OK) check_output(subject->output);
}

static void run_pixels(struct subject* subject, struct bytes* bytes) {
  const uint8_t how = take(bytes);
  take_pixels(bytes, subject->pixels);
  const uint8_t* const pixels = how & 1 ? NULL : subject->pixels;
  void* const output = how & 2 ? NULL : how & 4 ? (void*)subject->classes : (void*)subject->output;
  dlk_status want = before_run(subject, pixels, output);
  if (want == DLK_OK && (depth != 3 || subject->frames)) want = DLK_NOT_AVAILABLE;
  const dlk_status status =
      how & 4 ? dlk_run_classes(subject->network, pixels, output) : dlk_run_pixels(subject->network, pixels, output);
  need(status == want, "a run on pixels answers otherwise");
  if (want != DLK_OK) return;
  if (!(how & 4)) {
    check_output(subject->output);
    return;
  }
  for (size_t i = 0; i < positions; ++i) need(subject->classes[i] < channels, "a class that there is not");
}

/* Whatever happened to this network, it computes what a fresh one does. */
static void compare(struct subject* subject) {
  memset(subject->input, 0, inputs * sizeof(float));
  if (!subject->ready || subject->frames) return;
  need(dlk_run(subject->network, subject->input, subject->output) == DLK_OK, "a picture of zeros is refused");
  need(memcmp(subject->output, expected, outputs * sizeof(float)) == 0, "the same picture gives other bits");
}

static void submit(struct subject* subject, struct bytes* bytes) {
  const uint8_t how = take(bytes);
  float* const output = how & 1 ? NULL : subject->frame_outputs[subject->frames % DLK_FRAMES];
  dlk_status want = DLK_OK, status;
  if (!subject->network) {
    want = DLK_NULL_POINTER;
  } else if (subject->frames == DLK_FRAMES) {
    want = DLK_NOT_AVAILABLE;
  }
  if (how & 2) {
    take_pixels(bytes, subject->pixels);
    if (want == DLK_OK) want = before_run(subject, subject->pixels, output);
    if (want == DLK_OK && depth != 3) want = DLK_NOT_AVAILABLE;
    status = dlk_submit_pixels(subject->network, subject->pixels, output);
  } else {
    take_floats(bytes, subject->input);
    if (want == DLK_OK) want = before_run(subject, subject->input, output);
    if (want == DLK_OK && !acceptable(subject->input)) want = DLK_INPUT_VALUE;
    status = dlk_submit(subject->network, subject->input, output);
  }
  need(status == want, "a frame is answered otherwise");
  subject->frames += status == DLK_OK;
}

static void collect(struct subject* subject) {
  const dlk_status status = dlk_collect(subject->network);
  if (!subject->network) {
    need(status == DLK_NULL_POINTER, "dlk_collect of nothing");
  } else if (!subject->frames) {
    need(status == DLK_NOT_AVAILABLE, "dlk_collect without a frame");
  } else {
    need(status == DLK_OK, "dlk_collect fails");
    --subject->frames;
  }
}

static void initialise(struct subject* subject, struct bytes* bytes) {
  static const char* const kIsas[] = {NULL, "portable", "avx2", "avx512", "", "none", "AVX2", "portable "};
  static const char* const kThreads[] = {NULL, "1", "3", "0", "65", "-1", "two", "99999999999999999999", "", "2 "};
  const uint8_t isa = take(bytes) % 8, threads = take(bytes) % 10;
  if (kIsas[isa]) setenv("DLK_ISA", kIsas[isa], 1);
  if (kThreads[threads]) setenv("DLK_NUM_THREADS", kThreads[threads], 1);
  if (isa & 1) {
    const dlk_status status = dlk_init(subject->network);
    check_status(status);
    if (subject->ready) need(status == DLK_OK, "a second dlk_init fails");
    if (subject->network && status == DLK_OK) subject->ready = 1;
  } else if (network_init(subject->network)) {
    need(subject->network != NULL, "nothing can be initialised");
    subject->ready = 1;
  }
  unsetenv("DLK_ISA");
  unsetenv("DLK_NUM_THREADS");
}

static void set_threads(struct subject* subject, struct bytes* bytes) {
  int32_t threads = take_number(bytes);
  if (threads > kMostThreads && threads <= 64) threads = 1 + threads % kMostThreads;
  const dlk_status status = dlk_set_threads(subject->network, threads);
  if (!subject->network) {
    need(status == DLK_NULL_POINTER, "threads of nothing");
  } else {
    need(status == (threads < 1 || threads > 64 ? DLK_THREAD_COUNT : DLK_OK), "a number of threads");
    if (status == DLK_OK) need(dlk_threads(subject->network) == threads, "another number of threads");
  }
}

static void measure(struct subject* subject, struct bytes* bytes) {
  const uint8_t how = take(bytes);
  double* const seconds = how & 1 ? NULL : subject->seconds;
  check_status(dlk_set_timing(subject->network, how & 2));
  check_status(how & 4 ? dlk_step_seconds(subject->network, seconds) : dlk_step_cpu_seconds(subject->network, seconds));
  double rates[3];
  if (!subject->ready)
    check_status(dlk_measure_roofline(subject->network, rates, rates + 1, how & 8 ? NULL : rates + 2));
}

static void ask(struct subject* subject, struct bytes* bytes) {
  const int32_t number = take_number(bytes);
  int32_t shape[4];
  dlk_step_facts facts;
  const Network* const network = subject->network;
  need(network_get_input_rank(network) == (network ? 4 : 0), "the rank of the input");
  need(network_get_output_rank(network) == (network ? 4 : 0), "the rank of the output");
  network_get_input_shape(network, number & 1 ? NULL : shape);
  network_get_output_shape(network, number & 2 ? NULL : shape);
  need(dlk_last_error(network) && dlk_isa(network) && dlk_model_name() && dlk_status_text((dlk_status)number),
       "no text");
  need(dlk_frames(network) == subject->frames, "another number of frames");
  need(!dlk_class_name(number) == (number < 0 || number >= dlk_class_count()), "the name of a class");
  const dlk_status status = dlk_step_info(number, number == 3 ? NULL : &facts);
  check_status(status);
  if (number < 0 || number >= dlk_step_count()) need(status != DLK_OK, "facts of no step");
  need(dlk_tensor_bits(NULL) == 0, "bits of nothing");
  need(dlk_tensor_shape(NULL, shape) == DLK_NULL_POINTER, "the shape of nothing");
  need(dlk_tensor_codes(NULL, subject->classes) == DLK_NULL_POINTER, "codes of nothing");
}

static void* run_aside(void* argument) {
  compare(argument);
  return NULL;
}

/* All networks at once, each in a thread of its own. */
static void run_together(struct subject* subjects) {
  pthread_t threads[kNetworks];
  int started[kNetworks];
  for (int i = 0; i < kNetworks; ++i) started[i] = !pthread_create(&threads[i], NULL, run_aside, &subjects[i]);
  for (int i = 0; i < kNetworks; ++i) {
    if (started[i]) pthread_join(threads[i], NULL);
  }
}

static void forget(struct subject* subject) {
  network_delete(subject->network);
  subject->network = NULL;
  subject->ready = 0;
  subject->frames = 0;
}

static void renew(struct subject* subject) {
  if (subject->network) forget(subject);
  subject->network = network_create();
}

static void call(struct subject* subjects, struct bytes* bytes) {
  const uint8_t choice = take(bytes);
  struct subject* const subject = &subjects[(choice >> 4) % kNetworks];
  switch (choice & 15) {
    case 0:
      renew(subject);
      break;
    case 1:
      forget(subject);
      break;
    case 2:
    case 3:
      initialise(subject, bytes);
      break;
    case 4:
    case 5:
      run_floats(subject, bytes);
      break;
    case 6:
      run_pixels(subject, bytes);
      break;
    case 7:
      compare(subject);
      break;
    case 8:
    case 9:
      submit(subject, bytes);
      break;
    case 10:
      collect(subject);
      break;
    case 11:
      set_threads(subject, bytes);
      break;
    case 12:
      check_status(dlk_set_trace(subject->network, take(bytes) & 1 ? trace : NULL, &channels));
      break;
    case 13:
      measure(subject, bytes);
      break;
    case 14:
      ask(subject, bytes);
      break;
    default:
      run_together(subjects);
      break;
  }
}

static void* room(size_t bytes) {
  void* const memory = calloc(1, bytes);
  if (!memory) fault("no memory for the fuzzer");
  return memory;
}

static void prepare(struct subject* subjects) {
  int32_t shape[4];
  Network* const network = network_create();
  need(network && network_init(network), "the library cannot be initialised");
  network_get_input_shape(network, shape);
  inputs = (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
  depth = shape[3];
  network_get_output_shape(network, shape);
  positions = (size_t)shape[1] * (size_t)shape[2];
  channels = shape[3];
  outputs = positions * (size_t)channels;
  for (int i = 0; i < kNetworks; ++i) {
    struct subject* const subject = &subjects[i];
    subject->input = room(inputs * sizeof(float));
    subject->output = room(outputs * sizeof(float));
    for (int k = 0; k < DLK_FRAMES; ++k) subject->frame_outputs[k] = room(outputs * sizeof(float));
    subject->pixels = room(inputs);
    subject->classes = room(positions);
    subject->seconds = room((size_t)dlk_step_count() * sizeof(double));
  }
  expected = room(outputs * sizeof(float));
  need(dlk_run(network, subjects[0].input, expected) == DLK_OK, "the first run fails");
  network_delete(network);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static struct subject subjects[kNetworks];
  if (!expected) prepare(subjects);
  struct bytes bytes = {data, size};
  for (int i = 0; i < kMostCalls && bytes.left; ++i) call(subjects, &bytes);
  for (int i = 0; i < kNetworks; ++i) forget(&subjects[i]);
  return 0;
}
