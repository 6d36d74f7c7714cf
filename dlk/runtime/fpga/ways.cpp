// What DLK_FPGA can name. A new way is a row.
#include "driver.h"
#include "tca.h"

namespace dlk {

const Way kWays[] = {
    {"dev_mem", &kDriver, &kDevMem},  // taken where DLK_FPGA names none
    {"sim", &kDriver, &kSim},
    {"original_tca", &kTcaDriver, &kDevMem},
    {},
};

}  // namespace dlk
