/// The calibration text that is built into the program, so that it works with no other file at hand:
/// public-domain English books as JSON Lines, one {"text": ...} a line (Examples/data/README.md).
#ifndef CBUILTIN_CALIBRATION_H
#define CBUILTIN_CALIBRATION_H

#include <stddef.h>

/// First byte of the text; UTF-8, not terminated.
const unsigned char *builtin_calibration_bytes(void);

/// Number of bytes.
size_t builtin_calibration_byte_count(void);

#endif
