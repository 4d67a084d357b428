#pragma once

#include <cstdint>
#include <string_view>

#include "admin/conditional.h"
#include "admin/format.h"

namespace olla::admin {

/// What the system and the allocator tell of this process. Sizes in bytes; 0: not known.
struct ProcessFigures {
  std::uint64_t heap_used = 0;
  std::uint64_t heap_free = 0;  ///< Held by the allocator, and in no use.
  std::uint64_t stack = 0;      ///< Of the first thread.
  std::uint64_t resident = 0;
  std::uint64_t resident_peak = 0;
  std::uint64_t memory = 0;  ///< Of the machine.
  std::uint64_t threads = 0;
  std::uint64_t processors = 0;
};

/// Takes the lines "VmRSS:  123 kB" and their like of /proc/self/status into `figures`.
void read_status(std::string_view status, ProcessFigures& figures);

/// Asks the system and the allocator. Reads /proc.
ProcessFigures present_figures();

/// GET /internal/process, with the keys of Olla's document. Those that speak of Go's runtime have
/// what comes closest, and 0 where there is nothing of the kind: docs/metrics.md lists them.
Json process_document(const ProcessFigures& figures, const Moment& now, Moment started,
                      std::uint64_t workers);

}  // namespace olla::admin
