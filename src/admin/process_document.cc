#include "admin/process_document.h"

#include <malloc.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace olla::admin {
namespace {

/// The number behind `key` at the start of a line; 0 when there is none.
std::uint64_t number_behind(std::string_view text, std::string_view key) {
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at > 0 && text[at - 1] != '\n') continue;
    const std::size_t start = text.find_first_not_of(" \t", at + key.size());
    if (start == std::string_view::npos) return 0;
    std::uint64_t number = 0;
    std::from_chars(text.data() + start, text.data() + text.size(), number);
    return number;
  }
  return 0;
}

/// Olla's words for the load of its scheduler, here of threads.
std::string_view thread_health(std::uint64_t threads) {
  if (threads <= 100) return "HEALTHY";
  if (threads <= 500) return "NORMAL";
  return threads <= 1000 ? "ELEVATED" : "CRITICAL";
}

std::string_view pressure_of(const ProcessFigures& figures) {
  if (figures.memory == 0 || figures.resident < figures.memory / 4) return "LOW";
  return figures.resident < figures.memory / 2 ? "MEDIUM" : "HIGH";
}

}  // namespace

void read_status(std::string_view status, ProcessFigures& figures) {
  constexpr std::uint64_t kKilobyte = 1024;
  figures.resident = number_behind(status, "VmRSS:") * kKilobyte;
  figures.resident_peak = number_behind(status, "VmHWM:") * kKilobyte;
  figures.stack = number_behind(status, "VmStk:") * kKilobyte;
  figures.threads = number_behind(status, "Threads:");
}

ProcessFigures present_figures() {
  ProcessFigures figures;
  std::ifstream file("/proc/self/status");
  const std::string status{std::istreambuf_iterator<char>(file), {}};
  read_status(status, figures);
  const auto heap = mallinfo2();
  figures.heap_used = heap.uordblks + heap.hblkhd;
  figures.heap_free = heap.fordblks;
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0)
    figures.memory = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
  figures.processors = std::thread::hardware_concurrency();
  return figures;
}

Json process_document(const ProcessFigures& figures, const Moment& now, Moment started,
                      std::uint64_t workers) {
  const Duration uptime = now.steady - started.steady;
  return {
      {"timestamp", time_text(now.wall)},
      {"memory",
       {{"heap_alloc", bytes_text(figures.heap_used)},
        {"heap_sys", bytes_text(figures.heap_used + figures.heap_free)},
        {"heap_inuse", bytes_text(figures.heap_used)},
        {"heap_released", bytes_text(figures.heap_free)},
        {"stack_inuse", bytes_text(figures.stack)},
        {"total_alloc", bytes_text(figures.resident_peak)},
        {"memory_pressure", pressure_of(figures)},
        {"resident", bytes_text(figures.resident)},
        {"resident_bytes", figures.resident}}},
      {"garbage_collection",
       {{"last_gc", kNever},
        {"total_gc_time", "0s"},
        {"avg_gc_pause", "0s"},
        {"gc_cpu_fraction", 0.0},
        {"num_gc_cycles", 0}}},
      {"goroutines",
       {{"count", figures.threads},
        {"health_status", thread_health(figures.threads)},
        {"cgo_calls", 0}}},
      {"runtime",
       {{"uptime", go_duration_text(std::chrono::duration_cast<std::chrono::nanoseconds>(uptime))},
        {"go_version", "g++ " __VERSION__},
        {"num_cpu", figures.processors},
        {"gomaxprocs", workers}}},
      {"allocations", {{"total_mallocs", 0}, {"total_frees", 0}, {"net_objects", 0}}},
  };
}

}  // namespace olla::admin
