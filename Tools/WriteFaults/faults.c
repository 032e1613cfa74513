// A library to preload (LD_PRELOAD) that lets one change of a file fail, to see what a program makes of it.
//
//   FAULT_IN     changes count whose path has this text in it
//   FAULT_AT     the number, from 1, of the change that fails; 0 for none
//   FAULT_ERROR  ENOSPC, EIO, EDQUOT or EROFS; SHORT, for a write that takes only half of what it is given and
//                the next none; or KILL, which ends the process there
//   FAULT_COUNT  a file that gets the number of changes and the name of the call that failed
//
// A disk that is full or gone stays so: once a change has failed, the later ones that need room fail as well.
// Removing files goes on working, as it does on a full disk, except on a read-only one.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int count, failed;
static const char *failed_call = "none";

static int counts(const char *path) {
  const char *text = getenv("FAULT_IN");
  return text && path && strstr(path, text) != NULL;
}

static int counts_file(int descriptor) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return counts(path);
}

static int error_number(const char *name) {
  if (!strcmp(name, "EIO")) return EIO;
  if (!strcmp(name, "EDQUOT")) return EDQUOT;
  if (!strcmp(name, "EROFS")) return EROFS;
  return ENOSPC;
}

// The error of this change; 0 if it succeeds, -1 for a short write.
static int fault(const char *call, int removes) {
  const char *at = getenv("FAULT_AT"), *name = getenv("FAULT_ERROR");
  if (!name) name = "ENOSPC";
  count++;
  if (failed) {
    if (removes && strcmp(name, "EROFS")) return 0;
    return error_number(name);
  }
  if (!at || count != atoi(at)) return 0;
  failed = 1;
  failed_call = call;
  if (!strcmp(name, "KILL")) kill(getpid(), SIGKILL);
  if (!strcmp(name, "SHORT")) return !strcmp(call, "write") ? -1 : ENOSPC;
  if (removes && strcmp(name, "EROFS") && strcmp(name, "EIO")) return 0;
  return error_number(name);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("FAULT_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%d %s\n", count, failed_call);
  fclose(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t size) {
  int error = counts_file(fd) ? fault("write", 0) : 0;
  if (error < 0) return REAL(write)(fd, bytes, size / 2);
  if (error) return errno = error, -1;
  return REAL(write)(fd, bytes, size);
}

#define PWRITE(name, offset_type)                                                  \
  ssize_t name(int fd, const void *bytes, size_t size, offset_type offset) {       \
    int error = counts_file(fd) ? fault("write", 0) : 0;                           \
    if (error < 0 && size > 1) return REAL(name)(fd, bytes, size / 2, offset);     \
    if (error) return errno = error < 0 ? ENOSPC : error, -1;                      \
    return REAL(name)(fd, bytes, size, offset);                                    \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define ON_FILE(name, call)                                                        \
  int name(int fd) {                                                               \
    int error = counts_file(fd) ? fault(call, 0) : 0;                              \
    if (error) return errno = error < 0 ? EIO : error, -1;                         \
    return REAL(name)(fd);                                                         \
  }
ON_FILE(fsync, "fsync")
ON_FILE(fdatasync, "fsync")

#define ALLOCATE(name, offset_type)                                                \
  int name(int fd, offset_type offset, offset_type size) {                         \
    int error = counts_file(fd) ? fault("allocate", 0) : 0;                        \
    return error ? error : REAL(name)(fd, offset, size);                           \
  }
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

#define ON_PATH(name, call, removes)                                               \
  int name(const char *path) {                                                     \
    int error = counts(path) ? fault(call, removes) : 0;                           \
    if (error) return errno = error, -1;                                           \
    return REAL(name)(path);                                                       \
  }
ON_PATH(unlink, "unlink", 1)
ON_PATH(rmdir, "rmdir", 1)

int mkdir(const char *path, mode_t mode) {
  int error = counts(path) ? fault("mkdir", 0) : 0;
  if (error) return errno = error, -1;
  return REAL(mkdir)(path, mode);
}

int truncate(const char *path, off_t size) {
  int error = counts(path) ? fault("truncate", 0) : 0;
  if (error) return errno = error, -1;
  return REAL(truncate)(path, size);
}

int truncate64(const char *path, off64_t size) {
  int error = counts(path) ? fault("truncate", 0) : 0;
  if (error) return errno = error, -1;
  return REAL(truncate64)(path, size);
}

int rename(const char *from, const char *to) {
  int error = counts(from) || counts(to) ? fault("rename", 0) : 0;
  if (error) return errno = error, -1;
  return REAL(rename)(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags) {
  int error = counts(from) || counts(to) ? fault("renameat2", 0) : 0;
  if (error) return errno = error, -1;
  return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}

#define OPEN(name)                                                                 \
  int name(const char *path, int flags, ...) {                                     \
    va_list arguments;                                                             \
    va_start(arguments, flags);                                                    \
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;                 \
    va_end(arguments);                                                             \
    int writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;               \
    int error = writes && counts(path) ? fault("open", 0) : 0;                     \
    if (error) return errno = error, -1;                                           \
    return REAL(name)(path, flags, mode);                                          \
  }
OPEN(open)
OPEN(open64)
