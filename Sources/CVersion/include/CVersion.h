/// Which sources the program was made of.
#ifndef CVERSION_H
#define CVERSION_H

/// What Scripts/stamp has written into the program: lines with the commit's tag, the commit, and "changed" where files
/// were; empty lines for what is not so. An empty text in a program that it has not stamped.
const char *cv_stamp(void);

#endif
