#include "sim/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace olla::sim {
namespace {

using nlohmann::json;

constexpr std::string_view kChat = "/v1/chat/completions";

TimePoint at(int seconds) {
  return TimePoint(std::chrono::seconds(seconds));
}

Faults with(std::initializer_list<std::string_view> texts, std::uint64_t seed = 0) {
  std::vector<Fault> list;
  for (const std::string_view text : texts) {
    list.push_back(parse_fault(text).value());
  }
  Faults faults;
  faults.set(std::move(list), seed, at(0));
  return faults;
}

std::string struck(Faults& faults, std::string_view path, int seconds = 0,
                   std::string_view method = "POST") {
  const auto fault = faults.strike_request(method, path, at(seconds));
  return fault ? std::string(fault_name(fault->kind)) : "";
}

TEST(FaultTest, ReadsAllItsMembers) {
  const Fault fault =
      parse_fault("stream_slow,count=3,probability=0.25,for=1m,after=7,delay=20ms,path=/v1")
          .value();
  EXPECT_EQ(fault_name(fault.kind), "stream_slow");
  EXPECT_EQ(fault.count, 3U);
  EXPECT_EQ(fault.probability, 0.25);
  EXPECT_EQ(fault.lasts, std::chrono::minutes(1));
  EXPECT_EQ(fault.after, 7U);
  EXPECT_EQ(fault.delay, std::chrono::milliseconds(20));
  EXPECT_EQ(fault.path, "/v1");
  EXPECT_TRUE(befalls_streams(fault.kind));
}

TEST(FaultTest, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "must be one of refuse, reset,"},
      {"resett", "must be one of refuse, reset,"},
      {"reset,count", "must be name=value"},
      {"reset,count=-1", "`count` of a fault must be a whole number"},
      {"reset,probability=1.5", "must be a number from 0 to 1"},
      {"reset,probability=nan", "must be a number from 0 to 1"},
      {"reset,for=5", "must be a duration"},
      {"delay,delay=25h", "of a day at most"},
      {"reset,often=5", "a fault has no `often`"},
      {"refuse", "`refuse` needs `for`"},
      {"refuse,for=5ms", "`refuse` needs `for`"},
      {"refuse,for=5s,count=1", "`refuse` has `for` and nothing else"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto fault = parse_fault(text);
    ASSERT_FALSE(fault.has_value()) << text;
    EXPECT_NE(fault.error().detail.find(wanted), std::string::npos) << fault.error().detail;
  }
}

TEST(FaultsTest, StrikesAsOftenAsItWasTold) {
  Faults faults = with({"reset,count=2", "busy"});
  EXPECT_EQ(struck(faults, kChat), "reset");
  EXPECT_EQ(struck(faults, kChat), "reset");
  EXPECT_EQ(struck(faults, kChat), "busy");
}

TEST(FaultsTest, EndsInTime) {
  Faults faults = with({"reset,for=5s"});
  EXPECT_EQ(struck(faults, kChat, 4), "reset");
  EXPECT_EQ(struck(faults, kChat, 5), "");
}

TEST(FaultsTest, StrikesByChanceAndAlwaysInTheSameWay) {
  const auto run = [](std::uint64_t seed) {
    Faults faults = with({"reset,probability=0.3"}, seed);
    std::string out;
    for (int i = 0; i < 1000; ++i) {
      out += struck(faults, kChat).empty() ? '.' : 'x';
    }
    return out;
  };
  const std::string first = run(1);
  EXPECT_NEAR(static_cast<double>(std::count(first.begin(), first.end(), 'x')), 300, 60);
  EXPECT_EQ(first, run(1));
  EXPECT_NE(first, run(2));
}

TEST(FaultsTest, ChoosesWhoItStrikes) {
  Faults faults = with({"unhealthy", "busy,path=/v1/embed", "hang"});
  EXPECT_EQ(struck(faults, "/health", 0, "GET"), "unhealthy");
  EXPECT_EQ(struck(faults, "/v1/embeddings"), "busy");
  EXPECT_EQ(struck(faults, kChat), "hang");
  EXPECT_EQ(struck(faults, "/v1/models", 0, "GET"), "");
  EXPECT_EQ(struck(faults, "/ping"), "unhealthy");
  Faults everywhere = with({"reset,path=/"});
  EXPECT_EQ(struck(everywhere, "/v1/models", 0, "GET"), "reset");
  EXPECT_EQ(struck(everywhere, "/sim/faults"), "");
}

TEST(FaultsTest, KeepsStreamsAndRequestsApart) {
  Faults faults = with({"stream_end,after=2", "refuse,for=3s"});
  EXPECT_EQ(struck(faults, kChat), "");
  const auto fault = faults.strike_stream(kChat, at(0));
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->after, 2U);
  EXPECT_EQ(faults.refused_until(at(2)), at(3));
  EXPECT_EQ(faults.refused_until(at(3)), std::nullopt);
}

TEST(FaultsTest, AnswersInTheShapeOfTheRoute) {
  const auto body = [](FaultKind kind, std::string_view path) {
    return fault_answer(kind, path, Dialect::kNew).body;
  };
  EXPECT_NE(body(FaultKind::kBusy, kChat).find(R"("type":"Service Unavailable")"),
            std::string::npos);
  EXPECT_TRUE(body(FaultKind::kBusy, "/v1/messages").starts_with(R"({"type":"error","error":{)"));
  EXPECT_EQ(body(FaultKind::kInternalError, kChat), "Internal Server Error");
  EXPECT_NE(body(FaultKind::kShuttingDown, kChat).find("cannot schedule new futures"),
            std::string::npos);
  EXPECT_EQ(fault_answer(FaultKind::kUnhealthy, "/health", Dialect::kOld).status, 503);
}

Answer control(Faults& faults, std::string_view method, std::string_view body) {
  const ApiRequest request{method, "/sim/faults", "sim", "application/json", {}, body};
  return faults.handle(request, Dialect::kNew, at(0));
}

TEST(FaultsTest, TakesOthersOverTheWire) {
  Faults faults = with({"reset"});
  const Answer set = control(
      faults, "POST", R"({"seed":4,"faults":["hang,count=1",{"kind":"busy","probability":1}]})");
  EXPECT_EQ(set.status, 200);
  EXPECT_EQ(struck(faults, kChat), "hang");
  EXPECT_EQ(struck(faults, kChat), "busy");
  EXPECT_EQ(json::parse(control(faults, "GET", "").body), json::parse(R"({"faults":[
    {"kind":"hang","struck":1,"active":false},{"kind":"busy","struck":1,"active":true}]})"));
  EXPECT_EQ(control(faults, "POST", R"({"faults":[]})").body, R"({"faults":[]})");
  EXPECT_EQ(struck(faults, kChat), "");
}

TEST(FaultsTest, RefusesWhatItCannotRead) {
  Faults faults = with({"reset"});
  json many = json::array();
  for (std::size_t i = 0; i <= Faults::kFaultsMax; ++i) {
    many.push_back("reset");
  }
  for (const std::string& body :
       {std::string("{"), std::string(R"({"faults":5})"), std::string(R"({})"),
        std::string(R"({"faults":[7]})"), std::string(R"({"faults":["x"]})"),
        std::string(R"({"faults":[{"count":1}]})"), std::string(R"({"seed":[],"faults":[]})"),
        json{{"faults", many}}.dump()}) {
    EXPECT_EQ(control(faults, "POST", body).status, 400) << body;
  }
  EXPECT_EQ(struck(faults, kChat), "reset");
}

}  // namespace
}  // namespace olla::sim
