// Every kernel, for the translation unit of one instruction set.
#pragma once

#include "float_conv.h"
#include "float_ops.h"
#include "import.h"
#include "max_pool.h"
#include "moves.h"
#include "quant_conv.h"
#include "roofline.h"
