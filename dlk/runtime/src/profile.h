// What the converter knows of the steps.
#pragma once

#include "../include/dlk/dlk.h"

namespace dlk {

extern const dlk_step_facts kFacts[];  // generated, one for each step of kModel

}  // namespace dlk
