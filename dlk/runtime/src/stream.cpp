// Frames that follow each other: the processor works on one while an accelerator works on the one before.
#include "accelerator.h"
#include "export.h"
#include "float_mode.h"

namespace dlk {
namespace {

int32_t slot_after(const Frames& frames, int32_t frames_later) { return (frames.first + frames_later) % kSlots; }

// The steps before the accelerated one, and the first piece of that; the input tensor is filled.
dlk_status begin_frame(Network& network) {
  const Frames& frames = network.frames;
  const Accelerator& accelerator = *network.accelerator;
  const int32_t slot = slot_after(frames, frames.count);
  execute_steps(network, 0, kModel.accelerated_step, false);
  accelerator.load(network, slot);
  return frames.count ? DLK_OK : accelerator.start(network, slot);  // else when the frame before has ended
}

dlk_status end_frame(Network& network) {
  const Frames& frames = network.frames;
  const Accelerator& accelerator = *network.accelerator;
  dlk_status status = accelerator.wait(network);
  if (status == DLK_OK && frames.count > 1) status = accelerator.start(network, slot_after(frames, 1));
  if (status != DLK_OK) return status;
  network.tensors[kModel.output].data = frames.outputs[frames.first];
  const FloatMode mode = enter_float_mode();
  accelerator.unload(network, frames.first);
  leave_float_mode(mode);
  return execute_steps(network, kModel.accelerated_step + 1, kModel.step_count, false);
}

dlk_status submit(Network& network, float* output) {
  Frames& frames = network.frames;
  dlk_status status = DLK_OK;
  if (network.accelerator) {
    status = begin_frame(network);
  } else {
    network.tensors[kModel.output].data = output;
    status = execute_steps(network, 0, kModel.step_count, false);
  }
  if (status != DLK_OK) return status;
  frames.outputs[slot_after(frames, frames.count)] = output;
  ++frames.count;
  return DLK_OK;
}

// Whether there is room for one frame more.
dlk_status check_room(Network* network) {
  if (!network) return DLK_NULL_POINTER;
  if (network->frames.count < kSlots) return DLK_OK;
  return fail(*network, DLK_NOT_AVAILABLE, "as many frames as can be are under way: collect one first");
}

}  // namespace
}  // namespace dlk

using namespace dlk;

DLK_EXPORT dlk_status dlk_submit(Network* network, const float* input, float* output) {
  dlk_status status = check_room(network);
  if (status == DLK_OK) status = take_input(network, input, output);
  return status == DLK_OK ? submit(*network, output) : status;
}

DLK_EXPORT dlk_status dlk_submit_pixels(Network* network, const uint8_t* rgb, float* output) {
  dlk_status status = check_room(network);
  if (status == DLK_OK) status = take_pixels(network, rgb, output);
  return status == DLK_OK ? submit(*network, output) : status;
}

DLK_EXPORT dlk_status dlk_collect(Network* network) {
  if (!network) return DLK_NULL_POINTER;
  network->error[0] = 0;
  Frames& frames = network->frames;
  if (!frames.count) return fail(*network, DLK_NOT_AVAILABLE, "no frame is under way: submit one first");
  const dlk_status status = network->accelerator ? end_frame(*network) : DLK_OK;
  frames.first = slot_after(frames, 1);
  frames.count = status == DLK_OK ? frames.count - 1 : 0;
  return status;
}

DLK_EXPORT int32_t dlk_frames(const Network* network) { return network ? network->frames.count : 0; }
