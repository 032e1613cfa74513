/// The one thread team of the process.
///
/// oneDNN runs on OpenMP's threads (libgomp). These entry points run the project's own loops on the
/// same threads, so that two pools never fight over the cores. Call them from one thread only: each
/// thread that opens a parallel region gets a team of its own.
#ifndef CKERNELS_TEAM_H
#define CKERNELS_TEAM_H

/// Sets the number of threads of all later regions, oneDNN's included. `count` >= 1.
void ck_team_set_size(int count);

/// Number of threads of the next region.
int ck_team_size(void);

/// Calls `body(context, member, size)` once on each of `size` threads and waits for all.
void ck_team_run(void (*body)(void *context, int member, int size), void *context);

#endif
