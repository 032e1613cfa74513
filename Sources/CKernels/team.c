#define _GNU_SOURCE
#include "team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
// Entry points of libgomp that are part of its stable binary interface; declared here because <omp.h> and
// -fopenmp are not at hand in a package that must not use unsafe build flags.
extern void omp_set_num_threads(int count);
extern int omp_get_max_threads(void);
#else
static void omp_set_num_threads(int count) { (void)count; }
static int omp_get_max_threads(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#endif

/// How long a thread spins before it sleeps. Between the regions of a step lie a few microseconds, and a
/// thread that sleeps takes some 50 to be there again; a slice of the system's scheduler is 3,000 or more.
enum { spin_nanoseconds = 100000 };

/// The pieces of one member that nobody has taken yet. On a cache line of its own.
typedef struct {
  _Alignas(64) atomic_int next;
  int end;
} share;

static struct {
  atomic_int size;  // 0: not yet known
  int workers;      // threads that were made; worker i is member i + 1

  void (*body)(void *, int, int);
  void *context;
  int members;
  share shares[CK_TEAM_LIMIT];

  /// The region's number in the upper half; below it whether it is over, and how many workers are inside.
  _Atomic uint64_t state;

  pthread_mutex_t sleep;
  pthread_cond_t begun, left;
  atomic_int sleeping;
  atomic_bool waiting;
} team = {.sleep = PTHREAD_MUTEX_INITIALIZER,
          .begun = PTHREAD_COND_INITIALIZER,
          .left = PTHREAD_COND_INITIALIZER,
          .state = 1u << 31};

static const uint64_t closed = 1u << 31;
static const uint64_t inside_mask = (1u << 31) - 1;
static uint32_t number_of(uint64_t state) { return (uint32_t)(state >> 32); }

/// Held by the thread whose region runs.
static pthread_mutex_t region = PTHREAD_MUTEX_INITIALIZER;

/// The thread's number while it works on a piece, -1 outside.
static _Thread_local int current_member = -1;

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Spins until `done` or for `spin_nanoseconds`; whether it is done.
#define SPIN(done)                                        \
  ({                                                      \
    const int64_t limit = nanoseconds() + spin_nanoseconds; \
    bool is_done;                                         \
    while (!(is_done = (done)) && nanoseconds() < limit)  \
      for (int i = 0; i < 32 && !(done); i++) relax();    \
    is_done;                                              \
  })

/// Works on pieces of the region until none is left: those of `member` first, so that on a machine that does
/// nothing else a thread finds in its cache what it wrote in the last region.
static void work(int member) {
  current_member = member;
  for (int i = 0; i < team.members; i++) {
    share *s = &team.shares[(member + i) % team.members];
    int piece;
    while ((piece = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->end)
      team.body(team.context, piece, member);
  }
  current_member = -1;
}

/// Enters the region that follows number `last`; whether it was still open. `last` becomes its number.
static bool enter(uint32_t *last) {
  uint64_t state = atomic_load(&team.state);
  while (true) {
    *last = number_of(state);
    if (state & closed) return false;
    if (atomic_compare_exchange_weak(&team.state, &state, state + 1)) return true;
  }
}

static void leave(void) {
  const uint64_t before = atomic_fetch_sub(&team.state, 1);
  if ((before & inside_mask) == 1 && atomic_load(&team.waiting)) {
    pthread_mutex_lock(&team.sleep);
    pthread_cond_signal(&team.left);
    pthread_mutex_unlock(&team.sleep);
  }
}

/// The signals that wait until a piece is done: all but those that a thread brings upon itself.
static sigset_t deferred_signals(void) {
  static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  sigset_t signals;
  sigfillset(&signals);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&signals, own[i]);
  return signals;
}

static void *serve(void *argument) {
  const int member = (int)(intptr_t)argument;
  ck_library_state unchanged;
  ck_library_begin(&unchanged);
  uint32_t last = 0;
  while (true) {
    const uint32_t seen = last;
#define BEGUN (number_of(atomic_load(&team.state)) != seen)
    if (!SPIN(BEGUN)) {
      pthread_mutex_lock(&team.sleep);
      atomic_fetch_add(&team.sleeping, 1);
      while (!BEGUN) pthread_cond_wait(&team.begun, &team.sleep);
      atomic_fetch_sub(&team.sleeping, 1);
      pthread_mutex_unlock(&team.sleep);
    }
    if (enter(&last)) {
      if (member < team.members) work(member);
      leave();
    }
  }
  return NULL;
}

/// Makes the threads of a team of `size`. Where the system has no more, those that there are do all the work.
static void make_workers(int size) {
  while (team.workers < size - 1) {
    pthread_t thread;
    const intptr_t member = team.workers + 1;
    if (pthread_create(&thread, NULL, serve, (void *)member) != 0) return;
    pthread_detach(thread);
    team.workers++;
  }
}

/// Opens the region whose pieces lie in `team`, works on it, and waits until nobody else does.
static void run_region(void) {
  const uint64_t number = number_of(atomic_load(&team.state)) + 1;
  atomic_store(&team.state, number << 32);
  if (atomic_load(&team.sleeping) > 0) {
    pthread_mutex_lock(&team.sleep);
    pthread_cond_broadcast(&team.begun);
    pthread_mutex_unlock(&team.sleep);
  }
  work(0);
  // Who is not inside by now finds nothing to do.
  atomic_fetch_or(&team.state, closed);
#define ALL_LEFT ((atomic_load(&team.state) & inside_mask) == 0)
  if (!SPIN(ALL_LEFT)) {
    pthread_mutex_lock(&team.sleep);
    atomic_store(&team.waiting, true);
    while (!ALL_LEFT) pthread_cond_wait(&team.left, &team.sleep);
    atomic_store(&team.waiting, false);
    pthread_mutex_unlock(&team.sleep);
  }
}

void ck_team_set_size(int count) { team.size = count; }

int ck_team_size(void) {
  if (team.size == 0) {
    const int processors = omp_get_max_threads();
    team.size = processors > CK_TEAM_LIMIT ? CK_TEAM_LIMIT : processors;
  }
  return team.size;
}

void ck_library_begin(ck_library_state *before) {
  // The size of the team comes from OpenMP's number: it has to be known before that changes.
  ck_team_size();
  before->threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const sigset_t signals = deferred_signals();
  pthread_sigmask(SIG_BLOCK, &signals, &before->signals);
}

void ck_library_end(const ck_library_state *before) {
  omp_set_num_threads(before->threads);
  pthread_sigmask(SIG_SETMASK, &before->signals, NULL);
}

void ck_team_run(int pieces, void (*body)(void *, int, int), void *context) {
  if (current_member >= 0) {
    for (int piece = 0; piece < pieces; piece++) body(context, piece, current_member);
    return;
  }
  pthread_mutex_lock(&region);
  const int size = ck_team_size(), members = size < pieces ? size : pieces;
  ck_library_state before;
  ck_library_begin(&before);
  if (members <= 1) {
    current_member = 0;
    for (int piece = 0; piece < pieces; piece++) body(context, piece, 0);
    current_member = -1;
  } else {
    make_workers(size);
    team.body = body;
    team.context = context;
    team.members = members;
    for (int member = 0; member < members; member++) {
      atomic_store_explicit(&team.shares[member].next, (int)((int64_t)pieces * member / members),
                            memory_order_relaxed);
      team.shares[member].end = (int)((int64_t)pieces * (member + 1) / members);
    }
    run_region();
  }
  pthread_mutex_unlock(&region);
  ck_library_end(&before);
}
