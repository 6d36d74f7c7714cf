/* Linked with a library: two networks in two threads, each with helpers of its own, whose number changes between runs;
 * then the process is forked, and the child runs both networks. Exit status 0 when every run gave the bytes of the
 * first one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dlk/dlk.h"

enum { kRuns = 24, kForks = 3 };

struct job {
  Network* network;
  const float* input;
  float* output;
  const float* want;
  size_t bytes;
  int wrong;
};

static void run(struct job* job) {
  memset(job->output, 7, job->bytes);
  if (dlk_run(job->network, job->input, job->output) != DLK_OK) job->wrong = 1;
  if (job->want && memcmp(job->output, job->want, job->bytes) != 0) job->wrong = 1;
}

static void* keep_running(void* argument) {
  struct job* const job = argument;
  for (int i = 0; i < kRuns; ++i) {
    if (i % 4 == 3 && dlk_set_threads(job->network, 1 + (i / 4) % 4) != DLK_OK) job->wrong = 1;
    run(job);
  }
  return NULL;
}

static size_t count(void (*shape_of)(const Network*, int32_t*), const Network* network) {
  int32_t shape[4];
  shape_of(network, shape);
  return (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
}

/* Both networks have helpers, which the child lacks: it gets its own. */
static int forked(struct job* jobs) {
  const pid_t child = fork();
  if (!child) {
    run(&jobs[0]);
    run(&jobs[1]);
    _exit(jobs[0].wrong || jobs[1].wrong);
  }
  int status = 0;
  return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

int main(void) {
  struct job jobs[2] = {{0}, {0}};
  float* want = NULL;
  for (int i = 0; i < 2; ++i) {
    jobs[i].network = network_create();
    if (dlk_init(jobs[i].network) != DLK_OK || dlk_set_threads(jobs[i].network, 4) != DLK_OK) return 2;
    const size_t inputs = count(network_get_input_shape, jobs[i].network);
    jobs[i].bytes = count(network_get_output_shape, jobs[i].network) * sizeof(float);
    float* const input = malloc(inputs * sizeof(float));
    jobs[i].output = malloc(jobs[i].bytes);
    if (!input || !jobs[i].output) return 2;
    for (size_t k = 0; k < inputs; ++k) input[k] = (float)(k * 2654435761u % 1000) / 250.0f - 2.0f;
    jobs[i].input = input;
    run(&jobs[i]);
    if (i) continue;
    want = malloc(jobs[i].bytes);
    if (!want) return 2;
    memcpy(want, jobs[i].output, jobs[i].bytes);
  }
  jobs[0].want = jobs[1].want = want;
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) {
    if (pthread_create(&threads[i], NULL, keep_running, &jobs[i]) != 0) return 2;
  }
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  int wrong = jobs[0].wrong || jobs[1].wrong;
  for (int i = 0; i < kForks; ++i) wrong |= forked(jobs);
  for (int i = 0; i < 2; ++i) {
    network_delete(jobs[i].network);
    free((void*)jobs[i].input);
    free(jobs[i].output);
  }
  free(want);
  if (wrong) fprintf(stderr, "a run gave other values\n");
  return wrong;
}
