#pragma once

#include <cstdint>
#include <string>

#include "sim/dialect.h"

namespace olla::sim {

/// What the system says of a process.
struct ProcessFigures {
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
  double start_seconds = 0;  ///< Since 1970.
  double cpu_seconds = 0;    ///< User and system.
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
};

/// Of this process, from /proc. What cannot be read stays 0.
ProcessFigures read_process_figures();

/// Appends the families `python_*`, which stay as they are, and `process_*`, in the text format of
/// Prometheus.
void write_process_metrics(std::string& text, const ProcessFigures& figures, Dialect dialect);

}  // namespace olla::sim
