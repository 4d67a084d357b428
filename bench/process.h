#pragma once

#include <sys/types.h>

#include <cstdint>

namespace olla::bench {

/// The monotonic clock in nanoseconds. Two processes of one machine may compare what they read.
[[nodiscard]] std::int64_t now_ns();

/// Time that all threads of this process have spent on a processor, in nanoseconds.
[[nodiscard]] std::int64_t own_cpu_ns();

/// The same of another process, by the scheduler's own account (/proc/PID/task/*/schedstat): no
/// sampling, and no ticks. 0 for a process that is gone. Threads that ended do not count any more.
[[nodiscard]] std::int64_t cpu_ns_of(pid_t process);

/// Resident memory of a process in bytes; 0 for one that is gone.
[[nodiscard]] std::int64_t resident_bytes_of(pid_t process);

}  // namespace olla::bench
