#include "net/fetch.h"

#include <gtest/gtest.h>

#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct FetchTest : testing::Test {
  ~FetchTest() override {
    deadlines.expire_all();
    loop.run_ready();
  }
  FetchRequest request() const {
    FetchRequest out;
    out.host = "127.0.0.1";
    out.port = server.port();
    out.authority = "gpu:8000";
    out.path = "/health?deep=1";
    out.user_agent = "tester/1";
    out.headers = {{"Authorization", "Bearer x"}};
    out.limit = seconds(5);
    out.max_body_bytes = 100;
    return out;
  }
  Result<FetchResponse> get(std::string answer, bool close = true) {
    server.on_request(close ? test::answers_and_closes(std::move(answer))
                            : test::answers(std::move(answer)));
    return run(loop, fetch(loop.io(), deadlines, request()));
  }

  test::Loop loop;
  Deadlines deadlines{loop.io()};
  test::ScriptedServer server{loop, test::stays_silent()};
};

TEST_F(FetchTest, AsksAsTold) {
  ASSERT_TRUE(get(test::sized_answer("200 OK", "")));
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(server.requests()[0],
            "GET /health?deep=1 HTTP/1.1\r\nHost: gpu:8000\r\nUser-Agent: tester/1\r\n"
            "Accept: */*\r\nConnection: close\r\nAuthorization: Bearer x\r\n\r\n");
}

struct GoodAnswer {
  const char* name;
  std::string bytes;
  int status;
  std::string body;
};

TEST_F(FetchTest, ReadsEveryKindOfBody) {
  const GoodAnswer cases[] = {
      {"sized", test::sized_answer("200 OK", "fine"), 200, "fine"},
      {"empty", test::sized_answer("204 No Content", ""), 204, ""},
      {"not found", test::sized_answer("404 Not Found", "?"), 404, "?"},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + test::chunked({"ab", "c"}) +
           "0\r\n\r\n",
       200, "abc"},
      {"until the close", "HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end"},
      {"interim first", "HTTP/1.1 103 Early Hints\r\n\r\n" + test::sized_answer("200 OK", "x"), 200,
       "x"},
      {"at the limit", test::sized_answer("200 OK", std::string(100, 'x')), 200,
       std::string(100, 'x')},
  };
  for (const GoodAnswer& c : cases) {
    SCOPED_TRACE(c.name);
    const auto answer = get(c.bytes);
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->status, c.status);
    EXPECT_EQ(answer->body, c.body);
  }
}

TEST_F(FetchTest, ASizedAnswerIsReadyBeforeTheClose) {
  const auto answer = get(test::sized_answer("200 OK", "fine"), /*close=*/false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "fine");
}

struct BadAnswer {
  const char* name;
  std::string bytes;
  Errc code;
};

TEST_F(FetchTest, SaysWhatIsWrong) {
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\n";
  const BadAnswer cases[] = {
      {"nothing", "", Errc::kClosed},
      {"cut in the head", "HTTP/1.1 200 OK\r\nX-", Errc::kClosed},
      {"cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12", Errc::kClosed},
      {"not HTTP", "\x15\x03\x01\r\n\r\n", Errc::kMalformed},
      {"a bad status line", "HTTP/1.1 abc OK\r\n\r\n", Errc::kMalformed},
      {"a head without end", "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'), Errc::kMalformed},
      {"a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
       Errc::kMalformed},
      {"a sized body too large", test::sized_answer("200 OK", std::string(101, 'x')),
       Errc::kTooLarge},
      {"an endless body", until_close + std::string(100'000, 'x'), Errc::kTooLarge},
  };
  for (const BadAnswer& c : cases) {
    SCOPED_TRACE(c.name);
    const auto answer = get(c.bytes);
    ASSERT_TRUE(answer.has_error());
    EXPECT_EQ(answer.error().code, c.code) << answer.error().detail;
    EXPECT_EQ(answer.error().side, Side::kUpstream);
  }
}

TEST_F(FetchTest, ABodyUntilTheCloseThatIsResetIsNotWhole) {
  server.on_request([](test::Peer& peer, const std::string&) {
    peer.send("HTTP/1.0 200 OK\r\n\r\nhalf");
    peer.reset();
  });
  const auto answer = run(loop, fetch(loop.io(), deadlines, request()));
  ASSERT_TRUE(answer.has_error());
  EXPECT_EQ(answer.error().code, Errc::kClosed);
}

TEST_F(FetchTest, EverythingTogetherHasOneLimit) {
  // Each piece comes in time; the answer as a whole does not.
  server.on_request([](test::Peer& peer, const std::string&) { peer.send("HTTP/1.1 200 OK\r\n"); });
  FetchRequest asked = request();
  asked.limit = milliseconds(30);
  const TimePoint before = Clock::now();
  const auto answer = run(loop, fetch(loop.io(), deadlines, std::move(asked)));
  ASSERT_TRUE(answer.has_error());
  EXPECT_EQ(answer.error().code, Errc::kTimeout);
  EXPECT_GE(Clock::now() - before, milliseconds(30));
}

TEST_F(FetchTest, SaysWhenNobodyListens) {
  const test::DeadPort dead(loop);
  FetchRequest asked = request();
  asked.port = dead.port();
  const auto answer = run(loop, fetch(loop.io(), deadlines, std::move(asked)));
  ASSERT_TRUE(answer.has_error());
  EXPECT_EQ(answer.error().code, Errc::kRefused);
}

}  // namespace
}  // namespace olla::net
