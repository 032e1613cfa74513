#include "team.h"

// Entry points of libgomp that are part of its stable binary interface; declared here because
// <omp.h> and -fopenmp are not at hand in a package that must not use unsafe build flags.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern void omp_set_num_threads(int count);
extern int omp_get_max_threads(void);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

typedef struct {
  void (*body)(void *, int, int);
  void *context;
} region;

static void enter(void *data) {
  const region *r = data;
  r->body(r->context, omp_get_thread_num(), omp_get_num_threads());
}

void ck_team_set_size(int count) { omp_set_num_threads(count); }

int ck_team_size(void) { return omp_get_max_threads(); }

void ck_team_run(void (*body)(void *, int, int), void *context) {
  region r = {body, context};
  GOMP_parallel(enter, &r, 0, 0);
}
