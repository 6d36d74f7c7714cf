/* dlk.h: the C interface of a converted network, libdlk_<target>.so.
 *
 * One library holds one network: its structure, its weights and the code for every instruction set of its target.
 *
 * Two interfaces, usable side by side:
 *   network_*  the classic eight functions; float32 NHWC, batch 1, errors as a bool or not at all.
 *   dlk_*      the versioned interface: every call that can fail returns a dlk_status.
 *
 * What is promised
 *   - No exception, exit or abort crosses this boundary; a null pointer gives a status.
 *   - network_init and setting the number of threads allocate; running allocates nothing. The one exception: in a child
 *     of fork, the first run makes the network's threads anew.
 *   - Networks share no state. Several threads may run at once, each with its own Network; one Network must not be
 *     used by two threads at the same time, but may be used by any thread.
 *   - Any number of threads computes the same bits.
 *   - A library for an accelerator takes it in network_init and gives it back in network_delete; one network at a time
 *     can have the accelerator of a board.
 *
 * What is computed, bit for bit the same on every machine and instruction set
 *   - Codes are exact integers. Float sums are IEEE 754 float32, rounded to nearest even after every multiplication
 *     and every addition, in one fixed order, subnormal intermediate results kept. The floating-point mode of the
 *     calling thread (rounding, flush-to-zero) is set for the time of a run and restored after it.
 *   - An input value that is subnormal counts as +0, and so does -0; and so does the sum of a float convolution.
 *   - NaN, infinity and magnitudes of 2^64 or more are refused with DLK_INPUT_VALUE before anything is computed;
 *     below that bound no sum in the network can overflow.
 *   - The output never holds NaN, infinity or -0.
 */
#ifndef DLK_DLK_H_
#define DLK_DLK_H_

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a function below changes its meaning or goes away; additions do not raise it. */
#define DLK_ABI_VERSION 1

typedef struct Network Network;
typedef struct dlk_tensor dlk_tensor;

typedef enum dlk_status {
  DLK_OK = 0,
  DLK_NULL_POINTER = 1,    /* an argument is a null pointer */
  DLK_NOT_INITIALIZED = 2, /* network_init was not called, or failed */
  DLK_OUT_OF_MEMORY = 3,   /* network_init could not allocate */
  DLK_UNKNOWN_ISA = 4,     /* DLK_ISA names no instruction set of this library */
  DLK_UNSUPPORTED_ISA = 5, /* DLK_ISA names one that this machine lacks */
  DLK_INPUT_VALUE = 6,     /* an input value is NaN, infinite or too large */
  DLK_CORRUPT_MODEL = 7,   /* weights and generated parameters do not belong together */
  DLK_NOT_AVAILABLE = 8,   /* this network cannot do what was asked */
  DLK_THREAD_COUNT = 9,    /* DLK_NUM_THREADS, or the number that was asked for, is not from 1 to 64 */
  /* Of libraries that use an accelerator; dlk_last_error tells more, with all registers where it answered. */
  DLK_ACCELERATOR_ABSENT = 10,  /* it, or the memory that it shares with the processor, cannot be reached */
  DLK_ACCELERATOR_FOREIGN = 11, /* what answers is no accelerator that this library can use */
  DLK_ACCELERATOR_TIMEOUT = 12, /* it did not end in time; the run was abandoned */
  DLK_ACCELERATOR_ERROR = 13    /* it reported an error; the run was abandoned */
} dlk_status;

/* ---- The classic interface ---- */

/* A new network that is not yet initialised, or null without memory. */
Network* network_create(void);

/* Frees the network; null is allowed. */
void network_delete(Network* network);

/* Chooses the instruction set (the best one, or the one named by the environment variable DLK_ISA), allocates and
 * prepares. False on failure: dlk_last_error tells why. A second call does nothing. */
bool network_init(Network* network);

/* The number of dimensions, 4: batch, height, width, channels; 0 for a null pointer. */
int network_get_input_rank(const Network* network);
int network_get_output_rank(const Network* network);

/* Writes the four dimensions; the batch is 1. */
void network_get_input_shape(const Network* network, int32_t* shape);
void network_get_output_shape(const Network* network, int32_t* shape);

/* dlk_set_threads without a status. */
bool network_set_threads(Network* network, int threads);

/* dlk_run without a status: after a failure every output value is NaN (nothing is written when the network is not
 * initialised or a pointer is null) and dlk_last_error tells why. */
void network_run(Network* network, void* input, void* output);

/* ---- The versioned interface ---- */

/* DLK_ABI_VERSION of the library, to be compared with that of this header. */
int32_t dlk_abi_version(void);

/* A short English text for a status; never null. */
const char* dlk_status_text(dlk_status status);

/* What went wrong in the last call that failed on this network, or "" ; never null, valid until the next call. */
const char* dlk_last_error(const Network* network);

/* network_init with a status. */
dlk_status dlk_init(Network* network);

/* How many threads a run uses, the calling one included: 1 to 64; before or after initialisation. Without it the
 * environment variable DLK_NUM_THREADS counts, and without that, 1. The others wait asleep between runs. */
dlk_status dlk_set_threads(Network* network, int32_t threads);

/* The number of threads that a run uses; 0 for a null pointer. */
int32_t dlk_threads(const Network* network);

/* Runs once. input: float32 [height, width, channels], pre-processed; output: float32 [height, width, channels]. */
dlk_status dlk_run(Network* network, const float* input, float* output);

/* Runs once on an image of the input's size: uint8 RGB [height, width, 3]; the pre-processing of the model is done
 * inside, in exactly the arithmetic of lmnet.processors. DLK_NOT_AVAILABLE unless the input has three channels. */
dlk_status dlk_run_pixels(Network* network, const uint8_t* rgb, float* output);

/* dlk_run_pixels, then for each pixel the class with the largest value (the first of equals): uint8 [height, width]
 * of the output's size. DLK_NOT_AVAILABLE when there are more than 256 classes. */
dlk_status dlk_run_classes(Network* network, const uint8_t* rgb, uint8_t* class_map);

/* ---- Streams ----
 *
 * Up to DLK_FRAMES frames are under way at once: submit one, submit the next, collect the first, and so on. With an
 * accelerator the processor does its part of a frame while the accelerator works on the one before; without one a frame
 * is done when it is submitted. The results are those of dlk_run, bit for bit; frames are neither traced nor timed.
 */
#define DLK_FRAMES 2

/* Takes a frame. input: as of dlk_run, no longer needed when the call returns; output: likewise, to be left alone until
 * the frame is collected. DLK_NOT_AVAILABLE when DLK_FRAMES are under way. */
dlk_status dlk_submit(Network* network, const float* input, float* output);

/* The same for an image, as of dlk_run_pixels. */
dlk_status dlk_submit_pixels(Network* network, const uint8_t* rgb, float* output);

/* Returns when the output of the oldest frame is written. DLK_NOT_AVAILABLE when none is under way. After any other
 * failure none is under way any more. */
dlk_status dlk_collect(Network* network);

/* How many frames are under way; meanwhile dlk_run and its like answer DLK_NOT_AVAILABLE. */
int32_t dlk_frames(const Network* network);

/* The instruction set in use, such as "avx2"; "" before initialisation. */
const char* dlk_isa(const Network* network);

/* What the library was converted from. */
const char* dlk_model_name(void);

/* The classes in the order of the output's channels; the name is null for an index out of range. */
int32_t dlk_class_count(void);
const char* dlk_class_name(int32_t index);

/* ---- Looking inside ---- */

/* Called after every step that writes activation codes, with the step's name and the tensor it wrote. The tensor may
 * be read during the callback only. The callback must not use the network. */
typedef void (*dlk_trace_callback)(const char* step, const dlk_tensor* tensor, void* user);

/* Sets the callback for later runs; null removes it. */
dlk_status dlk_set_trace(Network* network, dlk_trace_callback callback, void* user);

/* Writes height, width, channels. */
dlk_status dlk_tensor_shape(const dlk_tensor* tensor, int32_t shape[3]);

/* The number of bits of a code, 0 for a null pointer. */
int32_t dlk_tensor_bits(const dlk_tensor* tensor);

/* Writes the codes, one byte each: uint8 [height, width, channels], values 0 .. 2^bits - 1. */
dlk_status dlk_tensor_codes(const dlk_tensor* tensor, uint8_t* codes);

/* ---- Measuring ---- */

/* What the converter knows of one step, for one image. */
typedef struct dlk_step_facts {
  const char* name;
  const char* kind;   /* "float_conv", "quant_conv", "space_to_depth", "depth_to_space", "dequantize" ... */
  int32_t input_bits; /* of a value of the activations, 32 for floats */
  int32_t output_bits;
  int32_t weight_bits;   /* 1 for a quantized convolution, 32 for a float one, 0 where there are no weights */
  int64_t macs;          /* multiply-adds by the definition, padding included */
  int64_t bit_adds;      /* additions of one bit of one pixel, as a quantized convolution makes them; else 0 */
  int64_t bytes_read;    /* activations and constants, each counted once, at their bits */
  int64_t bytes_written; /* activations */
} dlk_step_facts;

/* The number of steps of a run; steps are numbered in the order of execution. */
int32_t dlk_step_count(void);

/* Writes what is known of a step. DLK_NOT_AVAILABLE for an index out of range. */
dlk_status dlk_step_info(int32_t index, dlk_step_facts* facts);

/* Switches the timing of steps in later runs; it is off at first, and then costs nothing. Switching it on allocates. */
dlk_status dlk_set_timing(Network* network, bool on);

/* Writes for each step the seconds that it took in the last timed run, by the wall clock (CLOCK_MONOTONIC), without
 * the trace's callback: double [dlk_step_count()]. DLK_NOT_AVAILABLE when no run was timed. */
dlk_status dlk_step_seconds(const Network* network, double* seconds);

/* The same in CPU time of the thread that ran: on one thread the better measure where the machine is shared. */
dlk_status dlk_step_cpu_seconds(const Network* network, double* seconds);

/* Measures on the spot what bounds a step on one thread of this machine, with the instruction set in use:
 *   bit_adds_per_second  full adders on registers, as quantized convolutions use them: bits of single pixels added
 *   macs_per_second      float32 multiplications, each with its addition, on registers: float convolutions
 *   bytes_per_second     reading, over and over, a buffer as large as everything that the largest step reads and
 *                        writes. A step finds its input where the step before left it, in the innermost cache that is
 *                        large enough, and so does this measurement. The bandwidth of main memory would be no bound:
 *                        a step whose data stay in a cache would exceed it.
 * The best of several attempts; takes some tenths of a second. Allocates, and frees before it returns. */
dlk_status dlk_measure_roofline(Network* network, double* bit_adds_per_second, double* macs_per_second,
                                double* bytes_per_second);

#ifdef __cplusplus
}
#endif

#endif /* DLK_DLK_H_ */
