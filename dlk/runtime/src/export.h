// What callers of the library see; everything else is hidden.
#pragma once

#define DLK_EXPORT extern "C" __attribute__((visibility("default")))
