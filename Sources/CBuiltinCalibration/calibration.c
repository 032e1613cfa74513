#include "CBuiltinCalibration.h"

// C23's #embed, which the Swift toolchain's clang takes in every C mode with a note about it.
#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char bytes[] = {
#embed "../../Examples/data/calibration.jsonl"
};

const unsigned char *builtin_calibration_bytes(void) { return bytes; }

size_t builtin_calibration_byte_count(void) { return sizeof bytes; }
