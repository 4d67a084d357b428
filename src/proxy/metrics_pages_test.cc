#include "proxy/metrics_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<config::Endpoint> configured(std::initializer_list<const char*> names) {
  std::vector<config::Endpoint> endpoints;
  for (const char* name : names) {
    endpoints.emplace_back().name = name;
    endpoints.back().type = "vllm";
  }
  return endpoints;
}

std::shared_ptr<const fleet::Figures> figures(const std::string& running) {
  auto made = std::make_shared<fleet::Figures>();
  made->text = "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} " + running + "\n";
  return made;
}

TEST(MetricsPagesTest, ArePutTogetherAnewOnlyWhenTheyAreOld) {
  fleet::Fleet fleet(configured({"a", "b"}));
  fleet.set_health(EndpointId(0), fleet::Health::kHealthy);
  fleet.set_health(EndpointId(1), fleet::Health::kHealthy);
  fleet.set_figures(EndpointId(0), figures("1"));
  MetricsPages pages;
  const TimePoint now = Clock::now();
  const auto first = pages.page(*fleet.snapshot(), "", false, now);
  EXPECT_THAT(*first, HasSubstr("{endpoint=\"a\",engine=\"0\",model_name=\"m\"} 1\n"));
  fleet.set_figures(EndpointId(0), figures("2"));
  const auto snapshot = fleet.snapshot();
  EXPECT_EQ(pages.page(*snapshot, "", false, now + MetricsPages::kFresh / 2), first);
  EXPECT_THAT(*pages.page(*snapshot, "", false, now + MetricsPages::kFresh),
              HasSubstr("{endpoint=\"a\",engine=\"0\",model_name=\"m\"} 2\n"));
}

TEST(MetricsPagesTest, OfAnEndpointThatIsDownOnlyTheAgeIsTold) {
  fleet::Fleet fleet(configured({"a"}));
  fleet.set_figures(EndpointId(0), figures("1"));
  fleet.set_health(EndpointId(0), fleet::Health::kUnhealthy);
  MetricsPages pages;
  const auto page = pages.page(*fleet.snapshot(), "", false, Clock::now());
  EXPECT_THAT(*page, HasSubstr("olla_endpoint_scrape_age_seconds{endpoint=\"a\"}"));
  EXPECT_THAT(*page, Not(HasSubstr("model_name")));
}

TEST(MetricsPagesTest, EachIsOneOfItsOwn) {
  fleet::Fleet fleet(configured({"a", "b"}));
  fleet.set_health(EndpointId(0), fleet::Health::kHealthy);
  fleet.set_health(EndpointId(1), fleet::Health::kHealthy);
  fleet.set_figures(EndpointId(0), figures("1"));
  fleet.set_figures(EndpointId(1), figures("1"));
  MetricsPages pages;
  const auto snapshot = fleet.snapshot();
  const TimePoint now = Clock::now();
  EXPECT_THAT(*pages.page(*snapshot, "b", false, now), Not(HasSubstr("endpoint=\"a\"")));
  EXPECT_THAT(*pages.page(*snapshot, "", false, now), HasSubstr("endpoint=\"a\""));
  EXPECT_EQ(pages.page(*snapshot, "", true, now)->substr(0, 2), "\x1f\x8b");
}

}  // namespace
}  // namespace olla::proxy
