#include "sim/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>

#include "sim/metrics_text.h"

namespace olla::sim {
namespace {

// Members of /proc/self/stat behind the name of the program, from the third one on (proc(5)).
constexpr std::size_t kUserTime = 14 - 3;
constexpr std::size_t kSystemTime = 15 - 3;
constexpr std::size_t kStartTime = 22 - 3;
constexpr std::size_t kVirtualSize = 23 - 3;
constexpr std::size_t kResidentPages = 24 - 3;
constexpr std::size_t kMembers = kResidentPages + 1;

/// When the machine was started, in seconds since 1970.
double boot_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

void read_stat(ProcessFigures& out) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  // The name is in parentheses, and may have some of its own.
  const std::size_t end = line.rfind(')');
  if (end == std::string::npos) return;
  std::istringstream rest(line.substr(end + 4));  // behind ") S "
  std::array<double, kMembers> members{};
  for (std::size_t i = 1; i < kMembers; ++i) {
    rest >> members.at(i);
  }
  if (!rest) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  out.cpu_seconds = (members[kUserTime] + members[kSystemTime]) / ticks;
  out.start_seconds = boot_seconds() + members[kStartTime] / ticks;
  out.virtual_bytes = static_cast<std::uint64_t>(members[kVirtualSize]);
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.resident_bytes = static_cast<std::uint64_t>(members[kResidentPages] * page);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
  }
  void sample(double value, std::string_view labels = {}) {
    out_.append(name_).append(labels).append(" ").append(metrics_number(value)).append("\n");
  }
  void generations(std::string_view name, std::string_view help, std::array<double, 3> values) {
    family(name, "counter", help);
    for (std::size_t i = 0; i < values.size(); ++i) {
      sample(values.at(i), "{generation=\"" + std::to_string(i) + "\"}");
    }
  }
  void figure(std::string_view name, std::string_view type, std::string_view help, double value) {
    family(name, type, help);
    sample(value);
  }

 private:
  std::string& out_;
  std::string_view name_;
};

}  // namespace

ProcessFigures read_process_figures() {
  ProcessFigures out;
  read_stat(out);
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (!error) {
    out.open_files = static_cast<std::uint64_t>(std::distance(begin(files), end(files)));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.open_files_max = limit.rlim_cur;
  return out;
}

void write_process_metrics(std::string& text, const ProcessFigures& figures, Dialect dialect) {
  Writer out(text);
  // No interpreter runs here: these are what a fresh server was seen to tell.
  out.generations("python_gc_objects_collected_total", "Objects collected during gc",
                  {15302, 2483, 721});
  out.generations("python_gc_objects_uncollectable_total", "Uncollectable objects found during GC",
                  {0, 0, 0});
  out.generations("python_gc_collections_total", "Number of times this generation was collected",
                  {1630, 148, 10});
  out.family("python_info", "gauge", "Python platform information");
  out.sample(1, dialect == Dialect::kOld ? R"({implementation="CPython",major="3",minor="12",)"
                                           R"(patchlevel="1",version="3.12.1"})"
                                         : R"({implementation="CPython",major="3",minor="11",)"
                                           R"(patchlevel="7",version="3.11.7"})");
  out.figure("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
             static_cast<double>(figures.virtual_bytes));
  out.figure("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
             static_cast<double>(figures.resident_bytes));
  out.figure("process_start_time_seconds", "gauge",
             "Start time of the process since unix epoch in seconds.", figures.start_seconds);
  out.figure("process_cpu_seconds_total", "counter",
             "Total user and system CPU time spent in seconds.", figures.cpu_seconds);
  out.figure("process_open_fds", "gauge", "Number of open file descriptors.",
             static_cast<double>(figures.open_files));
  out.figure("process_max_fds", "gauge", "Maximum number of open file descriptors.",
             static_cast<double>(figures.open_files_max));
}

}  // namespace olla::sim
