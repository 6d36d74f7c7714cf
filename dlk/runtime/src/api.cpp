// The functions of dlk.h: checks, then the work of the other files.
#include <stdlib.h>
#include <string.h>

#include "accelerator.h"
#include "export.h"
#include "network.h"

namespace dlk {
namespace {

const char* const kStatusTexts[] = {
    "ok",
    "an argument is a null pointer",
    "the network is not initialised: call network_init first and look at its result",
    "not enough memory",
    "DLK_ISA names an instruction set that this library does not have",
    "DLK_ISA names an instruction set that this machine does not have",
    "an input value is NaN, infinite, or 2^64 or more in magnitude",
    "the weights and the generated parameters do not belong together",
    "this network cannot do that",
    "a number of threads is not from 1 to 64",
    "the accelerator cannot be reached",
    "what answers is no accelerator that this library can use",
    "the accelerator did not end in time",
    "the accelerator reported an error",
};

void append(char* text, size_t capacity, const char* more) {
  const size_t used = strlen(text);
  strncpy(text + used, more, capacity - used - 1);
}

// DLK_NUM_THREADS, or 1; 0, which is refused, for what is no number.
int32_t default_threads() {
  const char* const text = getenv("DLK_NUM_THREADS");
  if (!text || !*text) return 1;
  char* end = nullptr;
  const long threads = strtol(text, &end, 10);
  return *end || threads > kMaxThreads ? 0 : static_cast<int32_t>(threads);
}

const Tensor& input_of(const Network& network) { return network.tensors[kModel.input]; }
const Tensor& output_of(const Network& network) { return network.tensors[kModel.output]; }

int64_t value_count(const Tensor& tensor) {
  return static_cast<int64_t>(tensor.height) * tensor.width * tensor.channels;
}

void write_shape(const Tensor& tensor, int32_t* shape) {
  shape[0] = 1;
  shape[1] = tensor.height;
  shape[2] = tensor.width;
  shape[3] = tensor.channels;
}

dlk_status check_run(Network* network, const void* input, const void* output) {
  if (!network) return DLK_NULL_POINTER;
  network->error[0] = 0;
  if (!network->isa) return fail(*network, DLK_NOT_INITIALIZED);
  if (!input || !output) return fail(*network, DLK_NULL_POINTER);
  return DLK_OK;
}

dlk_status check_idle(Network& network) {
  return network.frames.count ? fail(network, DLK_NOT_AVAILABLE, "frames of a stream are under way") : DLK_OK;
}

}  // namespace

dlk_status fail(Network& network, dlk_status status, const char* detail) {
  memset(network.error, 0, sizeof network.error);
  append(network.error, sizeof network.error, dlk_status_text(status));
  if (detail) {
    append(network.error, sizeof network.error, ": ");
    append(network.error, sizeof network.error, detail);
  }
  return status;
}

dlk_status take_input(Network* network, const float* input, const float* output) {
  const dlk_status status = check_run(network, input, output);
  if (status != DLK_OK) return status;
  const Tensor& tensor = input_of(*network);
  const uint32_t least = network->isa->import(input, value_count(tensor), static_cast<float*>(tensor.data));
  if (!least) return fail(*network, DLK_INPUT_VALUE);
  memcpy(&network->least_input, &least, sizeof least);
  return DLK_OK;
}

dlk_status take_pixels(Network* network, const uint8_t* rgb, const void* output) {
  const dlk_status status = check_run(network, rgb, output);
  if (status != DLK_OK) return status;
  const Tensor& tensor = input_of(*network);
  if (tensor.channels != 3) return fail(*network, DLK_NOT_AVAILABLE, "its input is not an RGB image");
  network->least_input = preprocess(kModel.preprocess, rgb, value_count(tensor), static_cast<float*>(tensor.data));
  return DLK_OK;
}

}  // namespace dlk

using namespace dlk;

DLK_EXPORT int32_t dlk_abi_version(void) { return DLK_ABI_VERSION; }

DLK_EXPORT const char* dlk_status_text(dlk_status status) {
  const size_t count = sizeof kStatusTexts / sizeof kStatusTexts[0];
  unsigned index = 0;  // a caller in C may give any number, which is no value of the type
  memcpy(&index, &status, sizeof index);
  return index < count ? kStatusTexts[index] : "unknown status";
}

DLK_EXPORT const char* dlk_last_error(const Network* network) {
  return network ? network->error : dlk_status_text(DLK_NULL_POINTER);
}

DLK_EXPORT Network* network_create(void) { return static_cast<Network*>(calloc(1, sizeof(Network))); }

DLK_EXPORT void network_delete(Network* network) {
  if (!network) return;
  close_accelerator(*network);
  pool_delete(network->pool);
  release(network->memory);
  free(network->seconds);
  free(network);
}

DLK_EXPORT dlk_status dlk_init(Network* network) {
  if (!network) return DLK_NULL_POINTER;
  network->error[0] = 0;
  if (network->isa) return DLK_OK;
  const Isa* isa = nullptr;
  dlk_status status = choose_isa(*network, &isa);
  if (status == DLK_OK) status = prepare(*network);
  if (status == DLK_OK) status = set_threads(*network, network->threads ? network->threads : default_threads());
  if (status == DLK_OK && kModel.ways) status = open_accelerator(*network);
  if (status == DLK_OK) network->isa = isa;
  return status;
}

DLK_EXPORT dlk_status dlk_set_threads(Network* network, int32_t threads) {
  if (!network) return DLK_NULL_POINTER;
  network->error[0] = 0;
  return set_threads(*network, threads);
}

DLK_EXPORT bool network_set_threads(Network* network, int threads) {
  return dlk_set_threads(network, threads) == DLK_OK;
}

DLK_EXPORT int32_t dlk_threads(const Network* network) { return network ? network->threads : 0; }

DLK_EXPORT bool network_init(Network* network) { return dlk_init(network) == DLK_OK; }

DLK_EXPORT int network_get_input_rank(const Network* network) { return network ? 4 : 0; }
DLK_EXPORT int network_get_output_rank(const Network* network) { return network ? 4 : 0; }

DLK_EXPORT void network_get_input_shape(const Network* network, int32_t* shape) {
  if (network && shape) write_shape(kModel.tensors[kModel.input], shape);
}

DLK_EXPORT void network_get_output_shape(const Network* network, int32_t* shape) {
  if (network && shape) write_shape(kModel.tensors[kModel.output], shape);
}

DLK_EXPORT dlk_status dlk_run(Network* network, const float* input, float* output) {
  dlk_status status = take_input(network, input, output);
  if (status == DLK_OK) status = check_idle(*network);
  return status == DLK_OK ? execute(*network, output) : status;
}

DLK_EXPORT void network_run(Network* network, void* input, void* output) {
  const dlk_status status = dlk_run(network, static_cast<const float*>(input), static_cast<float*>(output));
  if (status == DLK_OK || status == DLK_NULL_POINTER || status == DLK_NOT_INITIALIZED) return;
  float* const values = static_cast<float*>(output);
  for (int64_t i = 0; i < value_count(output_of(*network)); ++i) values[i] = __builtin_nanf("");
}

DLK_EXPORT dlk_status dlk_run_pixels(Network* network, const uint8_t* rgb, float* output) {
  dlk_status status = take_pixels(network, rgb, output);
  if (status == DLK_OK) status = check_idle(*network);
  return status == DLK_OK ? execute(*network, output) : status;
}

DLK_EXPORT dlk_status dlk_run_classes(Network* network, const uint8_t* rgb, uint8_t* class_map) {
  dlk_status status = take_pixels(network, rgb, class_map);
  if (status != DLK_OK) return status;
  const Tensor& output = output_of(*network);
  if (output.channels > 256) return fail(*network, DLK_NOT_AVAILABLE, "it has more than 256 classes");
  status = check_idle(*network);
  if (status == DLK_OK) status = execute(*network, network->output);
  if (status != DLK_OK) return status;
  const float* pixel = network->output;
  for (int64_t i = 0; i < static_cast<int64_t>(output.height) * output.width; ++i, pixel += output.channels) {
    int best = 0;
    for (int c = 1; c < output.channels; ++c) {
      if (pixel[c] > pixel[best]) best = c;
    }
    class_map[i] = static_cast<uint8_t>(best);
  }
  return status;
}

DLK_EXPORT const char* dlk_isa(const Network* network) { return network && network->isa ? network->isa->name : ""; }

DLK_EXPORT const char* dlk_model_name(void) { return kModel.name; }
DLK_EXPORT int32_t dlk_class_count(void) { return kModel.class_count; }

DLK_EXPORT const char* dlk_class_name(int32_t index) {
  return index >= 0 && index < kModel.class_count ? kModel.class_names[index] : nullptr;
}

DLK_EXPORT dlk_status dlk_set_trace(Network* network, dlk_trace_callback callback, void* user) {
  if (!network) return DLK_NULL_POINTER;
  network->trace = callback;
  network->trace_user = user;
  return DLK_OK;
}

DLK_EXPORT dlk_status dlk_tensor_shape(const dlk_tensor* tensor, int32_t shape[3]) {
  if (!tensor || !shape) return DLK_NULL_POINTER;
  shape[0] = tensor->height;
  shape[1] = tensor->width;
  shape[2] = tensor->channels;
  return DLK_OK;
}

DLK_EXPORT int32_t dlk_tensor_bits(const dlk_tensor* tensor) { return tensor ? tensor->bits : 0; }

DLK_EXPORT dlk_status dlk_tensor_codes(const dlk_tensor* tensor, uint8_t* codes) {
  if (!tensor || !codes) return DLK_NULL_POINTER;
  if (!tensor->bits) return DLK_NOT_AVAILABLE;
  memset(codes, 0, static_cast<size_t>(value_count(*tensor)));
  for (int c = 0; c < tensor->channels; ++c) {
    for (int b = 0; b < tensor->bits; ++b) {
      const uint64_t* plane = static_cast<const uint64_t*>(tensor->data) +
                              (static_cast<int64_t>(c) * tensor->bits + b) * tensor->plane_words;
      uint8_t* code = codes + c;
      for (int y = 0; y < tensor->height; ++y) {
        for (int x = 0; x < tensor->width; ++x, code += tensor->channels) {
          const int64_t position = static_cast<int64_t>(y) * tensor->stride + x;
          *code = static_cast<uint8_t>(*code | (plane[position >> 6] >> (position & 63) & 1) << b);
        }
      }
    }
  }
  return DLK_OK;
}
