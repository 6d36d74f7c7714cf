/* Linked with a library: prints how often memory was asked for while a network was made, and while it ran.
 *
 * The functions below stand in for those of the C library in this whole process, the library's calls included.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dlk/dlk.h"

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* memory, size_t size);
extern void* __libc_memalign(size_t alignment, size_t size);

static int asked;

static void note(void) { __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED); }

void* malloc(size_t size) {
  note();
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  note();
  return __libc_calloc(count, size);
}

void* realloc(void* memory, size_t size) {
  note();
  return __libc_realloc(memory, size);
}

void* memalign(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory ? 0 : 12;
}

void* mmap(void* address, size_t length, int protection, int flags, int file, off_t offset) {
  note();
  return (void*)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  *(void**)&create = dlsym(RTLD_NEXT, "pthread_create");
  note();
  return create(thread, attributes, start, argument);
}

static size_t count(void (*shape_of)(const Network*, int32_t*), const Network* network) {
  int32_t shape[4];
  shape_of(network, shape);
  return (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
}

int main(void) {
  Network* const network = network_create();
  if (dlk_init(network) != DLK_OK) return 1;
  float* const input = calloc(count(network_get_input_shape, network), sizeof(float));
  float* const output = malloc(count(network_get_output_shape, network) * sizeof(float));
  const int making = asked;
  for (int run = 0; run < 5; ++run) {
    if (dlk_run(network, input, output) != DLK_OK) return 1;
  }
  printf("%d %d\n", making, asked - making);
  return 0;
}
