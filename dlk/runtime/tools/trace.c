/* dlk_trace LIBRARY INPUT.f32 OUTPUT.bin
 *
 * Runs a library once and writes what every step computed, for verification on machines other than this one.
 * INPUT.f32: raw float32 NHWC. OUTPUT.bin: records of "DLKT", uint32 length of the name, the name, uint32 kind
 * (0 = uint8 codes, 1 = float32), uint32 height, width, channels, then the values NHWC; the last is named "output".
 * Everything is little-endian, as all targets are. Exit status 0, or 1 with one line on stderr.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/dlk/dlk.h"

struct api {
  Network* (*create)(void);
  void (*destroy)(Network*);
  dlk_status (*init)(Network*);
  dlk_status (*run)(Network*, const float*, float*);
  const char* (*last_error)(const Network*);
  void (*input_shape)(const Network*, int32_t*);
  void (*output_shape)(const Network*, int32_t*);
  dlk_status (*set_trace)(Network*, dlk_trace_callback, void*);
  dlk_status (*tensor_shape)(const dlk_tensor*, int32_t*);
  dlk_status (*tensor_codes)(const dlk_tensor*, uint8_t*);
};

struct writer {
  const struct api* api;
  FILE* file;
  int failed;
};

static int complain(const char* what, const char* detail) {
  fprintf(stderr, "dlk_trace: %s: %s\n", what, detail ? detail : "unknown");
  return 1;
}

static void write_record(struct writer* writer, const char* name, uint32_t kind, const int32_t* shape,
                         const void* values) {
  const size_t value_bytes = kind ? sizeof(float) : 1;
  const size_t count = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
  const uint32_t length = (uint32_t)strlen(name);
  int written = fwrite("DLKT", 4, 1, writer->file) == 1;
  written = written && fwrite(&length, sizeof length, 1, writer->file) == 1;
  written = written && fwrite(name, length, 1, writer->file) == 1;
  written = written && fwrite(&kind, sizeof kind, 1, writer->file) == 1;
  written = written && fwrite(shape, sizeof(int32_t), 3, writer->file) == 3;
  written = written && fwrite(values, value_bytes, count, writer->file) == count;
  if (!written) writer->failed = 1;
}

static void on_step(const char* name, const dlk_tensor* tensor, void* user) {
  struct writer* const writer = user;
  int32_t shape[3];
  writer->api->tensor_shape(tensor, shape);
  uint8_t* const codes = malloc((size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2]);
  if (!codes || writer->api->tensor_codes(tensor, codes) != DLK_OK) {
    writer->failed = 1;
  } else {
    write_record(writer, name, 0, shape, codes);
  }
  free(codes);
}

/* A function pointer cannot be assigned from void* in ISO C, but its bytes can be copied. */
static int load_symbol(void* library, const char* name, void* function) {
  void* const symbol = dlsym(library, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol ? 0 : complain("symbol not found", name);
}

static int load_api(void* library, struct api* api) {
  return load_symbol(library, "network_create", &api->create) ||
         load_symbol(library, "network_delete", &api->destroy) || load_symbol(library, "dlk_init", &api->init) ||
         load_symbol(library, "dlk_run", &api->run) || load_symbol(library, "dlk_last_error", &api->last_error) ||
         load_symbol(library, "network_get_input_shape", &api->input_shape) ||
         load_symbol(library, "network_get_output_shape", &api->output_shape) ||
         load_symbol(library, "dlk_set_trace", &api->set_trace) ||
         load_symbol(library, "dlk_tensor_shape", &api->tensor_shape) ||
         load_symbol(library, "dlk_tensor_codes", &api->tensor_codes);
}

static float* read_input(const char* path, size_t count) {
  float* values = malloc(count * sizeof(float));
  FILE* const file = fopen(path, "rb");
  const int whole = values && file && fread(values, sizeof(float), count, file) == count && fgetc(file) == EOF;
  if (file) fclose(file);
  if (whole) return values;
  free(values);
  return NULL;
}

static int trace(const struct api* api, Network* network, const char* input_path, const char* output_path) {
  int32_t in[4];
  int32_t out[4];
  if (api->init(network) != DLK_OK) return complain("init", api->last_error(network));
  api->input_shape(network, in);
  api->output_shape(network, out);
  float* const input = read_input(input_path, (size_t)in[1] * (size_t)in[2] * (size_t)in[3]);
  float* const output = malloc((size_t)out[1] * (size_t)out[2] * (size_t)out[3] * sizeof(float));
  struct writer writer = {api, fopen(output_path, "wb"), 0};
  int failed = 0;
  if (!input || !output) {
    failed = complain("the input is not a float32 file of the network's input shape", input_path);
  } else if (!writer.file) {
    failed = complain("cannot write", output_path);
  } else {
    api->set_trace(network, on_step, &writer);
    if (api->run(network, input, output) != DLK_OK) failed = complain("run", api->last_error(network));
    if (!failed) write_record(&writer, "output", 1, out + 1, output);
  }
  if (writer.file && fclose(writer.file) != 0) writer.failed = 1;
  free(input);
  free(output);
  if (!failed && writer.failed) failed = complain("could not write all records", output_path);
  return failed;
}

int main(int count, char** arguments) {
  struct api api;
  if (count != 4) return complain("usage", "dlk_trace LIBRARY INPUT.f32 OUTPUT.bin");
  void* const library = dlopen(arguments[1], RTLD_NOW);
  if (!library) return complain("cannot load", dlerror());
  if (load_api(library, &api)) return 1;
  Network* const network = api.create();
  if (!network) return complain("create", "not enough memory");
  const int failed = trace(&api, network, arguments[2], arguments[3]);
  api.destroy(network);
  return failed;
}
