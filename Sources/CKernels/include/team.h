/// The one thread team of the process.
///
/// A region is a number of pieces of work. Each member of the team has a share of them, takes the next of
/// its own share, and helps the others when that is done: a thread that another program keeps from running
/// holds up the piece that it has begun, and no more. Threads wait with a bounded spin and then sleep, so
/// that a thread that waits does not burn the time in which another could arrive.
///
/// oneDNN is called with one thread from inside the pieces, so that OpenMP's threads are never used.
#ifndef CKERNELS_TEAM_H
#define CKERNELS_TEAM_H

#include <signal.h>

/// The most members that a team has.
#define CK_TEAM_LIMIT 1024

/// Sets the number of threads of all later regions. `count` is from 1 to `CK_TEAM_LIMIT`.
void ck_team_set_size(int count);

/// Number of threads of the next region: what was set, or the processors that this process may use, by its
/// affinity or by OMP_NUM_THREADS.
int ck_team_size(void);

/// Calls `body` once for each piece of `0 ..< pieces` and waits for all. `member`, from 0 to the team's
/// size, is the thread's number: no two pieces have the same one at the same time.
///
/// Regions of several threads come one after the other. A region inside a region runs on the thread that
/// opens it.
void ck_team_run(int pieces, void (*body)(void *context, int piece, int member), void *context);

/// What `ck_library_begin` has changed on a thread.
typedef struct {
  int threads;
  sigset_t signals;
} ck_library_state;

/// Prepares this thread for calls of the matrix library, as it is inside a piece, until `ck_library_end`:
/// OpenMP's regions have one thread, and signals wait.
///
/// Some of oneDNN's products (f32 without AVX-512, 2.6) let the stack pointer point into a buffer on the heap.
/// A signal that is handled then has its frame written over what lies before that buffer.
void ck_library_begin(ck_library_state *before);
void ck_library_end(const ck_library_state *before);

#endif
