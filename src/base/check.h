#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends the process with file and line when an invariant of this program does not hold. On in every
/// build. Never for bytes that came from outside: those are an Error.
#define OLLA_CHECK(condition)                                                                \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
