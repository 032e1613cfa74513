#include "CVersion.h"

// A place of its own in the program, which a tool can find and fill. The last byte is never written, and ends the text.
#if defined(__APPLE__)
#define STAMP "__DATA,autoround_stamp"
#else
#define STAMP "autoround_stamp"
#endif
__attribute__((section(STAMP), used)) static char stamp[129] = "";

const char *cv_stamp(void) { return stamp; }
