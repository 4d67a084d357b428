#include "vllm/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <iterator>
#include <vector>

#include "vllm/exposition_checker.h"
#include "vllm/metrics_text.h"

namespace olla::vllm {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string recording(std::string_view name) {
  std::ifstream file(std::string(OLLA_VLLM_TESTDATA "/").append(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The endpoints of a fleet, with the texts and states that their views point to.
class Fleet {
 public:
  Fleet& add(std::string name, std::string text, std::string gpu_text = "") {
    EndpointMetrics endpoint;
    endpoint.endpoint = texts_.emplace_back(std::move(name));
    endpoint.text = texts_.emplace_back(std::move(text));
    endpoint.gpu_text = texts_.emplace_back(std::move(gpu_text));
    if (auto state = parse_metrics(endpoint.text))
      endpoint.state = &states_.emplace_back(std::move(*state));
    endpoint.scrape_age_seconds = 0.25;
    endpoints_.push_back(endpoint);
    return *this;
  }

  [[nodiscard]] std::string exposition() const {
    std::string out = fleet_exposition(endpoints_);
    EXPECT_EQ(ExpositionChecker::fault_of(out).value_or(""), "");
    return out;
  }

  // The engines' own families: what follows the last of the fleet's.
  [[nodiscard]] std::string engine_families() const {
    const std::string out = exposition();
    const std::size_t last = out.rfind("\nolla_endpoint_scrape_age_seconds");
    return out.substr(out.find('\n', last + 1) + 1);
  }

 private:
  std::deque<std::string> texts_;
  std::deque<EngineState> states_;
  std::vector<EndpointMetrics> endpoints_;
};

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

constexpr std::string_view kRecordings[] = {
    "metrics-0.32-fresh.txt", "metrics-0.32-saturated.txt", "metrics-0.32-streams.txt",
    "metrics-0.32-two-engines.txt", "metrics-0.11-streams.txt"};

TEST(FleetExpositionTest, IsValidForAFleetOfRealServers) {
  Fleet fleet;
  for (const std::string_view name : kRecordings)
    fleet.add(std::string(name), recording(name));
  const std::string out = fleet.exposition();
  EXPECT_THAT(out, HasSubstr("vllm_num_requests_running{model=\"tiny\"} 16\n"));
  EXPECT_THAT(out, HasSubstr("vllm_num_requests_waiting{model=\"tiny\"} 6\n"));
  EXPECT_THAT(out,
              HasSubstr("vllm_request_duration_seconds_bucket{model=\"tiny\",le=\"2.5\"} 526\n"
                        "vllm_request_duration_seconds_bucket{model=\"tiny\",le=\"5\"} 528\n"));
  EXPECT_THAT(out, HasSubstr("_bucket{model=\"tiny\",le=\"+Inf\"} 528\n"
                             "vllm_request_duration_seconds_sum{model=\"tiny\"} 30.75935"));
  EXPECT_THAT(out, HasSubstr("vllm_request_duration_seconds_count{model=\"tiny\"} 528\n"));
  EXPECT_THAT(out, HasSubstr("vllm:num_requests_running{endpoint=\"metrics-0.32-two-engines.txt\","
                             "engine=\"1\",model_name=\"tiny\"} 3.0\n"));
}

TEST(FleetExpositionTest, HasEverySampleOfARealServer) {
  for (const std::string_view name : kRecordings) {
    SCOPED_TRACE(name);
    const std::string text = recording(name);
    const std::string out = Fleet().add("a", text).exposition();
    EXPECT_EQ(count_of(out, "{endpoint=\"a\""),
              count_of(text, "\n") - count_of(text, "# ") + 1);  // And the age.
  }
}

TEST(FleetExpositionTest, ShowsTheFamiliesOfTheFleet) {
  Fleet fleet;
  fleet
      .add("one",
           "vllm:num_requests_running{engine=\"0\",model_name=\"b\"} 1\n"
           "vllm:num_requests_running{engine=\"1\",model_name=\"b\"} 1\n"
           "vllm:num_requests_waiting{engine=\"0\",model_name=\"b\"} 5\n",
           "DCGM_FI_DEV_FB_USED{gpu=\"0\"} 12288\nDCGM_FI_DEV_FB_USED{gpu=\"1\"} 1\n")
      .add("two",
           "vllm:num_requests_running{model_name=\"b\"} 1\n"
           "vllm:num_requests_running{model_name=\"a\"} 7\n",
           "DCGM_FI_DEV_FB_USED{gpu=\"0\"} 2\n")
      .add("down", "");
  const std::string out = fleet.exposition();
  EXPECT_EQ(out.substr(0, out.find("# TYPE vllm:")),
            R"(# HELP vllm_num_requests_running Number of requests currently running
# TYPE vllm_num_requests_running gauge
vllm_num_requests_running{model="a"} 7
vllm_num_requests_running{model="b"} 3
# HELP vllm_num_requests_waiting Number of requests waiting in queue
# TYPE vllm_num_requests_waiting gauge
vllm_num_requests_waiting{model="a"} 0
vllm_num_requests_waiting{model="b"} 5
# HELP vllm_gpu_memory_usage_bytes GPU memory usage in bytes
# TYPE vllm_gpu_memory_usage_bytes gauge
vllm_gpu_memory_usage_bytes{endpoint="one",gpu="0"} 12884901888
vllm_gpu_memory_usage_bytes{endpoint="one",gpu="1"} 1048576
vllm_gpu_memory_usage_bytes{endpoint="two",gpu="0"} 2097152
# HELP olla_endpoint_scrape_age_seconds Age of the endpoint's figures in seconds
# TYPE olla_endpoint_scrape_age_seconds gauge
olla_endpoint_scrape_age_seconds{endpoint="one"} 0.25
olla_endpoint_scrape_age_seconds{endpoint="two"} 0.25
olla_endpoint_scrape_age_seconds{endpoint="down"} 0.25
)");
}

TEST(FleetExpositionTest, IsEmptyForNothing) {
  EXPECT_EQ(fleet_exposition({}), "");
  const EndpointMetrics never_scraped = {.endpoint = "a"};
  EXPECT_EQ(fleet_exposition({&never_scraped, 1}), "");
}

TEST(FleetExpositionTest, MergesHistogramsOnTheirCommonBounds) {
  const std::string bucket = "vllm:e2e_request_latency_seconds_bucket{model_name=\"m\",le=\"";
  Fleet fleet;
  fleet.add("one", bucket + "1.0\"} 1\n" + bucket + "2.0\"} 2\n" + bucket + "+Inf\"} 3\n" +
                       "vllm:e2e_request_latency_seconds_sum{model_name=\"m\"} 0.5\n");
  fleet.add("two", bucket + "0.5\"} 10\n" + bucket + "2.0\"} 20\n" + bucket + "+Inf\"} 30\n" +
                       "vllm:e2e_request_latency_seconds_sum{model_name=\"m\"} 0.25\n");
  EXPECT_THAT(fleet.exposition(),
              HasSubstr("# TYPE vllm_request_duration_seconds histogram\n"
                        "vllm_request_duration_seconds_bucket{model=\"m\",le=\"2\"} 22\n"
                        "vllm_request_duration_seconds_bucket{model=\"m\",le=\"+Inf\"} 33\n"
                        "vllm_request_duration_seconds_sum{model=\"m\"} 0.75\n"
                        "vllm_request_duration_seconds_count{model=\"m\"} 33\n"));
}

struct MergeCase {
  std::string_view what;
  std::string_view one;
  std::string_view two;
  std::string_view out;  // Of the engines' families.
};

const MergeCase kMergeCases[] = {
    {"a family of both stands together",
     "# HELP a About a.\n# TYPE a gauge\na 1\n# TYPE b_total counter\nb_total 2\n",
     "# HELP b_total About b.\n# TYPE b_total counter\nb_total 4\n# HELP a Otherwise.\n"
     "# TYPE a gauge\na{x=\"y\"} 3\n",
     "# HELP a About a.\n# TYPE a gauge\na{endpoint=\"1\"} 1\na{endpoint=\"2\",x=\"y\"} 3\n"
     "# HELP b_total About b.\n# TYPE b_total counter\nb_total{endpoint=\"1\"} 2\n"
     "b_total{endpoint=\"2\"} 4\n"},
    {"of two types the first is kept, the other left out with all its samples",
     "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n",
     "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n# TYPE b counter\nb 1\n",
     "# TYPE a gauge\na{endpoint=\"1\"} 1\n# TYPE b gauge\nb{endpoint=\"1\"} 1\n"},
    {"a family with the sample names of another is left out",
     "# TYPE a histogram\na_sum 1\n# TYPE b_count counter\nb_count 1\n",
     "# TYPE a_sum gauge\na_sum 2\n# TYPE b summary\nb_count 2\nb{quantile=\"0.5\"} 2\nb_sum 2\n",
     "# TYPE a histogram\na_sum{endpoint=\"1\"} 1\n"
     "# TYPE b_count untyped\nb_count{endpoint=\"1\"} 1\n"},
    {"no TYPE joins the family of that name, or is untyped", "# TYPE a histogram\na_sum 1\nc 1\n",
     "a_sum 2\na_bucket{le=\"1\"} 2\nb 2\nc 2\n",
     "# TYPE a histogram\na_sum{endpoint=\"1\"} 1\na_sum{endpoint=\"2\"} 2\n"
     "a_bucket{endpoint=\"2\",le=\"1\"} 2\n# TYPE c untyped\nc{endpoint=\"1\"} 1\n"
     "c{endpoint=\"2\"} 2\n# TYPE b untyped\nb{endpoint=\"2\"} 2\n"},
    {"types that the format does not have are untyped",
     "# TYPE a info\na 1\n# TYPE b counter\nb 1\n# TYPE c\nc 1\n# TYPE d unknown\nd 1\n", "",
     "# TYPE a untyped\na{endpoint=\"1\"} 1\n# TYPE b untyped\nb{endpoint=\"1\"} 1\n"
     "# TYPE c untyped\nc{endpoint=\"1\"} 1\n# TYPE d untyped\nd{endpoint=\"1\"} 1\n"},
    {"scattered lines and late or repeated comments",
     "# HELP a x\n# HELP a y\na 1\n# TYPE a gauge\n# TYPE b gauge\n# TYPE b counter\n\nb 2\n"
     "a{x=\"1\"} 3\n# HELP b z\nb{x=\"1\"} 4\n",
     "",
     "# HELP a x\n# TYPE a untyped\na{endpoint=\"1\"} 1\n"
     "# HELP b z\n# TYPE b gauge\nb{endpoint=\"1\"} 2\nb{endpoint=\"1\",x=\"1\"} 4\n"},
    {"all the comments first", "# TYPE a gauge\n# TYPE b histogram\n# TYPE c gauge\n",
     "# TYPE c gauge\n# TYPE b histogram\n# TYPE a counter\nc 1\nb_sum 1\nb 1\na 1\nb_count 1\n",
     "# TYPE b histogram\nb_sum{endpoint=\"2\"} 1\nb_count{endpoint=\"2\"} 1\n"
     "# TYPE c gauge\nc{endpoint=\"2\"} 1\n"},
    {"a series occurs once",
     "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{ x = \"1\", y=\"2\" } 3\n"
     "a{x=\"1\",y=\"2\",z=\"\"} 4\na{x=\"2\",y=\"1\"} 5\na{x=\"1\"} 6\n",
     "",
     "# TYPE a untyped\na{endpoint=\"1\",x=\"1\",y=\"2\"} 1\na{endpoint=\"1\",x=\"2\",y=\"1\"} 5\n"
     "a{endpoint=\"1\",x=\"1\"} 6\n"},
    {"a label called endpoint gives way",
     "a{endpoint=\"x\"} 1\na{exported_endpoint=\"x\"} 2\na{exported_endpoint=\"x\",endpoint=\"y\"} "
     "3\n",
     "",
     "# TYPE a untyped\na{endpoint=\"1\",exported_endpoint=\"x\"} 1\n"
     "a{endpoint=\"1\",exported_endpoint=\"x\",exported_exported_endpoint=\"y\"} 3\n"},
    {"the fleet's own names are taken",
     "# TYPE vllm_num_requests_running gauge\nvllm_num_requests_running{model=\"m\"} 1\n"
     "vllm_request_duration_seconds_sum 1\nvllm_gpu_memory_usage_bytes 1\n"
     "# TYPE vllm_request_duration_seconds histogram\nvllm_request_duration_seconds_count 1\n"
     "# TYPE vllm_request_duration_seconds_count gauge\nvllm_request_duration_seconds_count 1\n"
     "olla_endpoint_scrape_age_seconds{endpoint=\"1\"} 1\n",
     "vllm_request_duration_seconds 1\n", ""},
    {"samples that do not fit their type, and lines that are none",
     "# TYPE a histogram\na 1\na_bucket 1\na_bucket{le=\"x\"} 1\na_bucket{le=\"1\"} 1\na_max 1\n"
     "# TYPE b summary\nb 1\nb{quantile=\"\"} 1\nb{quantile=\"0.9\"} 1\nb_bucket{le=\"1\"} 1\n"
     "c x\nc{ 1\n?\nd 1 2 3\n",
     "",
     "# TYPE a histogram\na_bucket{endpoint=\"1\",le=\"1\"} 1\n"
     "# TYPE a_max untyped\na_max{endpoint=\"1\"} 1\n"
     "# TYPE b summary\nb{endpoint=\"1\",quantile=\"0.9\"} 1\n"
     "# TYPE b_bucket untyped\nb_bucket{endpoint=\"1\",le=\"1\"} 1\n"},
    {"numbers stand as they were, timestamps and exemplars go",
     "a 1e+06 1795399128000\r\nb NaN\nc +Inf # {x=\"y\"} 1\nd 4.608643072e+09", "",
     "# TYPE a untyped\na{endpoint=\"1\"} 1e+06\n# TYPE b untyped\nb{endpoint=\"1\"} NaN\n"
     "# TYPE c untyped\nc{endpoint=\"1\"} +Inf\n# TYPE d untyped\nd{endpoint=\"1\"} "
     "4.608643072e+09\n"},
    {"help of a family that the text before has no samples of", "# HELP a x\n", "a 1\n",
     "# HELP a x\n# TYPE a untyped\na{endpoint=\"2\"} 1\n"},
    {"help with a stray backslash", "# HELP a \\d\\n\n# TYPE a gauge\na 1\n", "",
     "# HELP a \\\\d\\n\n# TYPE a gauge\na{endpoint=\"1\"} 1\n"},
    {"_created gauges",
     "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# HELP a_created A.\n"
     "# TYPE a_created gauge\na_created 1.7e+09\n",
     "",
     "# HELP a_total A.\n# TYPE a_total counter\na_total{endpoint=\"1\"} 1\n# HELP a_created A.\n"
     "# TYPE a_created gauge\na_created{endpoint=\"1\"} 1.7e+09\n"},
};

TEST(FleetExpositionTest, MergesFamiliesByItsRules) {
  for (const MergeCase& c : kMergeCases) {
    SCOPED_TRACE(c.what);
    Fleet fleet;
    fleet.add("1", std::string(c.one)).add("2", std::string(c.two));
    EXPECT_EQ(fleet.engine_families(), c.out);
  }
}

TEST(FleetExpositionTest, EscapesTheNamesOfEndpointsAndModels) {
  Fleet fleet;
  fleet.add("a \"b\"\\\n", "vllm:num_requests_running{model_name=\"m\\\"\\\\\\n\"} 1\n");
  const std::string out = fleet.exposition();
  EXPECT_THAT(out, HasSubstr("vllm_num_requests_running{model=\"m\\\"\\\\\\n\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("vllm:num_requests_running{endpoint=\"a \\\"b\\\"\\\\\\n\","
                             "model_name=\"m\\\"\\\\\\n\"} 1\n"));
}

TEST(FleetExpositionTest, BoundsTheFamilies) {
  std::string text;
  for (std::size_t i = 0; i <= kFamiliesMax; ++i)
    text += "f" + std::to_string(i) + "_ 1\n";
  const std::string out = Fleet().add("a", text).exposition();
  EXPECT_THAT(out, HasSubstr("f" + std::to_string(kFamiliesMax - 1) + "_{"));
  EXPECT_THAT(out, Not(HasSubstr("f" + std::to_string(kFamiliesMax) + "_{")));
}

TEST(ExpositionCheckerTest, FindsEveryFault) {
  for (const std::string_view text :
       {"# TYPE a gauge\na 1",
        "# TYPE a gauge\n\na 1\n",
        "# EOF\n",
        "a 1\n",
        "# HELP a x\na 1\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na{x=\"1\"} 1\n",
        "# TYPE a gauge\n# TYPE a gauge\na 1\n",
        "# HELP a x\n# HELP a x\n# TYPE a gauge\na 1\n",
        "# TYPE a gauge\n# HELP a x\na 1\n",
        "# HELP a x\n# TYPE b gauge\n# TYPE a gauge\na 1\n",
        "# HELP a \\x\n# TYPE a gauge\na 1\n",
        "# TYPE a number\na 1\n",
        "# TYPE a counter\na 1\n",
        "# TYPE a gauge\na_sum 1\n",
        "# TYPE a histogram\na 1\n",
        "# TYPE a histogram\na_bucket 1\n",
        "# TYPE a histogram\na_bucket{le=\"x\"} 1\n",
        "# TYPE a summary\na 1\n",
        "# TYPE a summary\na_sum 1\n# TYPE a_sum gauge\na_sum{x=\"1\"} 1\n",
        "# TYPE a gauge\na 1\na 2\n",
        "# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n",
        "# TYPE a gauge\na{x=\"\"} 1\na 2\n",
        "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
        "# TYPE a gauge\na{__name__=\"1\"} 1\n",
        "# TYPE a gauge\na{1=\"1\"} 1\n",
        "# TYPE a gauge\na{x=\"\\t\"} 1\n",
        "# TYPE a gauge\na{x=\"\xFF\"} 1\n",
        "# TYPE a gauge\na{x=\"\xED\xA0\x80\"} 1\n",
        "# TYPE a gauge\na{x=\"1} 1\n",
        "# TYPE a gauge\na{x=\"1\" 1\n",
        "# TYPE a gauge\na{} 1\n",
        "# TYPE a gauge\na x\n",
        "# TYPE a gauge\na 0x1\n",
        "# TYPE a gauge\na 1 2\n",
        "# TYPE a gauge\na \n"}) {
    SCOPED_TRACE(text);
    EXPECT_TRUE(ExpositionChecker::fault_of(text));
  }
  for (const std::string_view text :
       {"", "# HELP a x\n# TYPE a gauge\na 1\na{x=\"\\\\\\\"\\n\xC3\xA9\"} +Inf\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count NaN\n# TYPE b gauge\n",
        "# TYPE a_total counter\na_total 1\n# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 1\n"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(ExpositionChecker::fault_of(text).value_or(""), "");
  }
}

}  // namespace
}  // namespace olla::vllm
