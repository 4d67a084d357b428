#include "sim/process_metrics.h"

#include <gtest/gtest.h>

#include <chrono>

namespace olla::sim {
namespace {

TEST(ProcessMetricsTest, ReadsTheFiguresOfThisProcess) {
  const ProcessFigures figures = read_process_figures();
  EXPECT_GT(figures.resident_bytes, std::uint64_t{1} << 20U);
  EXPECT_GT(figures.virtual_bytes, figures.resident_bytes);
  EXPECT_GE(figures.open_files, 3U);
  EXPECT_GE(figures.open_files_max, figures.open_files);
  EXPECT_GE(figures.cpu_seconds, 0);
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const double now = std::chrono::duration<double>(since_1970).count();
  EXPECT_LT(figures.start_seconds, now + 1);
  EXPECT_GT(figures.start_seconds, now - 24 * 3600);
}

TEST(ProcessMetricsTest, WritesThemAsThePythonClientDoes) {
  std::string out;
  write_process_metrics(out, {4'608'643'072, 1'036'701'696, 1'795'399'582.62, 8.11, 34, 20'000},
                        Dialect::kNew);
  EXPECT_NE(out.find("process_virtual_memory_bytes 4.608643072e+09\n"), std::string::npos);
  EXPECT_NE(out.find("process_start_time_seconds 1.79539958262e+09\n"), std::string::npos);
  EXPECT_NE(out.find("process_cpu_seconds_total 8.11\n"), std::string::npos);
  EXPECT_NE(out.find("process_max_fds 20000.0\n"), std::string::npos);
  EXPECT_NE(out.find(R"(python_gc_collections_total{generation="2"} 10.0)"), std::string::npos);
}

}  // namespace
}  // namespace olla::sim
