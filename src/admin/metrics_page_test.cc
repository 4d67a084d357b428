#include "admin/metrics_page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "admin/picture_fixture.h"

namespace olla::admin {
namespace {

struct Family {
  std::string type;
  std::string labels;

  friend bool operator==(const Family&, const Family&) = default;
};
using Families = std::map<std::string, Family>;

std::ostream& operator<<(std::ostream& out, const Family& family) {
  return out << family.type << " {" << family.labels << "}";
}

std::string read_file(const std::string& path) {
  std::ifstream file(OLLA_SOURCE_DIR "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The families of a page; fails where one's head does not stand right before its samples.
Families families_of(const std::string& page) {
  Families families;
  std::istringstream lines(page);
  std::string line;
  std::string present;
  const std::regex head("# (HELP|TYPE) (\\S+) (.+)");
  const std::regex label("(\\w+)=\"");
  std::smatch match;
  while (std::getline(lines, line)) {
    if (std::regex_match(line, match, head)) {
      if (match[1] == "HELP") {
        EXPECT_EQ(families.count(match[2]), 0U) << line;
        present = match[2];
      } else {
        EXPECT_EQ(match[2], present);
        families[present].type = match[3];
      }
      continue;
    }
    EXPECT_EQ(line.substr(0, present.size()), present);
    if (!families[present].labels.empty()) continue;
    const std::string labels = line.substr(0, line.find("} "));
    for (std::sregex_iterator it(labels.begin(), labels.end(), label), end; it != end; ++it) {
      if ((*it)[1] == "le") continue;
      std::string& known = families[present].labels;
      known += (known.empty() ? "" : ",") + (*it)[1].str();
    }
  }
  return families;
}

struct MetricsPageTest : PictureTest {
  /// A page on which every family has a sample.
  [[nodiscard]] std::string full_page() {
    answered(0);
    answered(1, 500);
    rejected(404, "model_not_found");
    return metrics_page(picture());
  }

  void expect_sample(const std::string& page, const std::string& sample) {
    EXPECT_NE(page.find("\n" + sample + "\n"), std::string::npos) << sample;
  }
};

TEST_F(MetricsPageTest, HasEveryFamilyOfOllas) {
  const Families ours = families_of(full_page());
  std::istringstream lines(read_file("src/admin/testdata/olla_families.txt"));
  std::string line;
  std::size_t count = 0;
  while (std::getline(lines, line)) {
    std::istringstream parts(line);
    std::string name;
    Family family;
    parts >> name >> family.type >> family.labels;
    ASSERT_EQ(ours.count(name), 1U) << name;
    EXPECT_EQ(ours.at(name), family) << name;
    ++count;
  }
  EXPECT_EQ(count, 45U);
}

TEST_F(MetricsPageTest, TheDocumentExplainsEachFamily) {
  Families documented;
  const std::string text = read_file("docs/metrics.md");
  const std::regex row("\\| `(olla_\\w+)` \\| (\\w+) \\| ([^|]*) \\| [^|]+ \\|");
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) {
    Family family{(*it)[2], ""};
    const std::string labels = (*it)[3];
    const std::regex label("`(\\w+)`");
    for (std::sregex_iterator l(labels.begin(), labels.end(), label); l != end; ++l)
      family.labels += (family.labels.empty() ? "" : ",") + (*l)[1].str();
    EXPECT_TRUE(documented.emplace((*it)[1], family).second) << (*it)[1];
  }
  const Families ours = families_of(full_page());
  for (const auto& [name, family] : ours) {
    ASSERT_EQ(documented.count(name), 1U) << name << " is not in docs/metrics.md";
    EXPECT_EQ(documented.at(name), family) << name;
  }
  for (const auto& [name, family] : documented)
    EXPECT_EQ(ours.count(name), 1U) << name << " is not on the page";
}

TEST_F(MetricsPageTest, OllaW33AndW35CountsAreRight) {
  for (int i = 0; i < 5; ++i)
    answered(0);
  answered(1, 500);
  answered(1, 502);
  rejected(404, "model_not_found");
  rejected(413, "request_too_large");
  rejected(413, "request_too_large");
  const std::string page = metrics_page(picture());
  expect_sample(page, "olla_requests_total 10");
  expect_sample(page, "olla_failures_total 2");
  expect_sample(page, "olla_success_rate_percent 80");
  expect_sample(page, "olla_endpoint_requests_total{endpoint=\"a\"} 5");
  expect_sample(page, "olla_endpoint_success_rate_percent{endpoint=\"b\"} 0");
  expect_sample(page, "olla_endpoint_responses_total{endpoint=\"b\",class=\"5xx\"} 2");
  expect_sample(page, "olla_requests_rejected_total{reason=\"request_too_large\"} 2");
  expect_sample(page, "olla_request_failures_total{reason=\"endpoint_error\"} 2");
  expect_sample(page, "olla_model_requests_total{model=\"Org/Llama\"} 7");
  expect_sample(page, "olla_model_endpoint_requests_total{model=\"Org/Llama\",endpoint=\"b\"} 2");
}

TEST_F(MetricsPageTest, OllaW34TokensAndTheirTimes) {
  answered(0);
  answered(0, 200, "");
  const std::string page = metrics_page(picture());
  const std::string labels = "{model=\"Org/Llama\",endpoint=\"a\"}";
  expect_sample(page, "olla_prompt_tokens_total" + labels + " 7");
  expect_sample(page, "olla_completion_tokens_total" + labels + " 11");
  expect_sample(page, "olla_cached_prompt_tokens_total" + labels + " 3");
  const std::string series = "{endpoint=\"a\",model=\"Org/Llama\"";
  expect_sample(page, "olla_time_to_first_token_seconds_bucket" + series + ",le=\"0.05\"} 1");
  expect_sample(page, "olla_inter_token_latency_seconds_bucket" + series + ",le=\"0.01\"} 0");
  expect_sample(page, "olla_inter_token_latency_seconds_bucket" + series + ",le=\"0.015\"} 1");
  expect_sample(page, "olla_request_duration_seconds_sum" + series + "} 1.202");
  expect_sample(page, "olla_request_duration_seconds_count{endpoint=\"a\",model=\"\"} 1");
}

TEST_F(MetricsPageTest, OllaW36BreakersAreSeen) {
  fleet::Live& live = *fleet->view(EndpointId(2)).live;
  for (int i = 0; i < 5; ++i) {
    fleet::Booking booking(live);
    booking.note_failure(now);
  }
  fleet->set_drained(EndpointId(1), true);
  const std::string page = metrics_page(picture());
  expect_sample(page, "olla_endpoint_breaker_state{endpoint=\"c\"} 2");
  expect_sample(page, "olla_endpoint_breaker_opened_total{endpoint=\"c\"} 1");
  expect_sample(page, "olla_endpoint_routable{endpoint=\"c\"} 0");
  expect_sample(page, "olla_endpoint_drained{endpoint=\"b\"} 1");
}

TEST_F(MetricsPageTest, OllaW36QueueRetriesAndStickySessionsAreSeen) {
  Scene scene;
  scene.config = &config;
  scene.snapshot = fleet->snapshot();
  scene.waiting = {.now = 3, .queued = 9, .timed_out = 2, .refused = 1, .retries_refused = 4};
  scene.sticky.active = 5;
  scene.sticky.repins = 6;
  const std::string page = metrics_page(take_picture(std::move(scene)));
  expect_sample(page, "olla_queue_waiting 3");
  expect_sample(page, "olla_queue_requests_total 9");
  expect_sample(page, "olla_queue_timeouts_total 2");
  expect_sample(page, "olla_queue_refused_total 1");
  expect_sample(page, "olla_retries_refused_total 4");
  expect_sample(page, "olla_sticky_sessions 5");
  expect_sample(page, "olla_sticky_repins_total 6");
}

TEST_F(MetricsPageTest, OllaW36PicksAreCountedByWhatMadeThem) {
  metrics::RequestRecord request;
  request.status = 200;
  request.endpoint = EndpointId(0);
  request.tries = 3;
  request.sticky_tries = 1;
  recorder.record(request, now);
  EXPECT_EQ(metrics_page(picture()).find("policy=\"sticky\""), std::string::npos);
  config.proxy.sticky_sessions.enabled = true;
  const std::string page = metrics_page(picture());
  expect_sample(page, "olla_picks_total{policy=\"least-connections\"} 2");
  expect_sample(page, "olla_picks_total{policy=\"sticky\"} 1");
}

TEST_F(MetricsPageTest, OllaW36ThousandsOfModelsMakeAPageOfBoundedSize) {
  for (int i = 0; i < 3000; ++i)
    answered(0, 200, "junk-" + std::to_string(i));
  const std::string page = metrics_page(picture());
  EXPECT_LT(page.size(), 8U << 20);
  const Families families = families_of(page);
  EXPECT_EQ(families.at("olla_model_requests_total").labels, "model");
  expect_sample(page, "olla_model_requests_total{model=\"_unknown\"} 1976");
}

}  // namespace
}  // namespace olla::admin
