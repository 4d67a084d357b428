#include "proxy/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/address.h"
#include "test/loop.h"
#include "test/peer.h"

namespace olla::proxy {
namespace {

using http::Framing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using End = Relay::End;

struct PlanCase {
  Framing upstream;
  int client_minor_version;
  Framing framing;
  bool raw;
};

TEST(PlanBodyTest, IsRawWhereverTheClientCanReadTheFraming) {
  constexpr PlanCase kCases[] = {
      {Framing::kNone, 0, Framing::kNone, true},
      {Framing::kNone, 1, Framing::kNone, true},
      {Framing::kLength, 0, Framing::kLength, true},
      {Framing::kLength, 1, Framing::kLength, true},
      {Framing::kChunked, 0, Framing::kUntilClose, false},
      {Framing::kChunked, 1, Framing::kChunked, true},
      {Framing::kUntilClose, 0, Framing::kUntilClose, true},
      {Framing::kUntilClose, 1, Framing::kChunked, false},
  };
  for (const PlanCase& c : kCases) {
    const BodyPlan plan = plan_body(c.upstream, c.client_minor_version);
    EXPECT_EQ(plan.framing, c.framing);
    EXPECT_EQ(plan.raw, c.raw);
  }
}

struct Answer {
  Framing framing = Framing::kChunked;
  std::uint64_t length = 0;
  int client_minor_version = 1;
  bool event_stream = false;
  bool time_trailer = false;
  Duration gap_limit = seconds(20);
  std::span<const http::Field> endpoint_headers = {};
  std::string_view renamed = {};  // What the member "model" is to say.
};

constexpr std::string_view kHead = "HEAD\r\n\r\n";

/// One answer under way from an endpoint to a client, both played by the test.
class Carried {
 public:
  Carried(test::Loop& loop, net::Deadlines& deadlines, const net::ConnectionRules& rules,
          const Answer& answer, bool client_reads = true)
      : loop_(loop), upstream_(loop.io(), deadlines) {
    net::Acceptor acceptor(loop.io(), {net::asio::ip::address_v4::loopback(), 0});
    const std::vector<fleet::Address> addresses = {net::from_asio(acceptor.local_endpoint())};
    EXPECT_TRUE(test::run(loop, upstream_.connect(addresses, seconds(5))));
    endpoint_ = std::make_shared<test::Peer>(acceptor.accept());
    endpoint_->read();
    test::Pair pair = test::make_pair(loop);
    connection_ = std::make_shared<net::ServerConnection>(std::move(pair.socket), deadlines, rules);
    client_ = std::move(pair.peer);
    if (client_reads) client_->read();

    head_.framing = answer.framing;
    head_.content_length = answer.length;
    RelayOptions options;
    options.plan = plan_body(answer.framing, answer.client_minor_version);
    options.gap_limit = answer.gap_limit;
    options.event_stream = answer.event_stream;
    options.gaps = &gaps_;
    options.endpoint_headers = answer.endpoint_headers;
    if (answer.time_trailer) options.time_trailer_since = Clock::now();
    if (!answer.renamed.empty()) {
      rewriter_.emplace(answer.renamed, answer.event_stream);
      options.rewriter = &*rewriter_;
      options.plan = plan_rewritten_body(answer.framing, answer.client_minor_version);
    }
    relay_.emplace(upstream_, *connection_, head_, options);
  }
  ~Carried() {
    upstream_.abort();
    connection_->close();
    endpoint_->close();
    client_->close();
    loop_.run_ready();
  }
  Carried(const Carried&) = delete;
  Carried& operator=(const Carried&) = delete;

  void start() { running_.emplace(loop_, relay_->run(std::string(kHead))); }
  /// Starts with `bytes` of the body already there, as they are behind the head.
  void start_with(std::string_view bytes) {
    upstream_.input().append(bytes);
    start();
  }
  End end() { return running_->get(); }
  [[nodiscard]] bool done() const { return running_->done(); }
  /// All that the client got by the end, the head taken off.
  std::string received() {
    connection_->close();
    loop_.run_until([this] { return client_->ended(); });
    EXPECT_EQ(client_->received().substr(0, kHead.size()), kHead);
    return client_->received().substr(kHead.size());
  }

  test::Peer& endpoint() { return *endpoint_; }
  test::Peer& client() { return *client_; }
  net::UpstreamConnection& upstream() { return upstream_; }
  net::ServerConnection& connection() { return *connection_; }
  Relay& relay() { return *relay_; }
  /// How many gaps between pieces were noted.
  [[nodiscard]] std::uint64_t gaps() const {
    metrics::Distribution distribution;
    distribution.add(gaps_);
    return distribution.count();
  }

 private:
  test::Loop& loop_;
  net::UpstreamConnection upstream_;
  std::shared_ptr<test::Peer> endpoint_;
  std::shared_ptr<net::ServerConnection> connection_;
  std::shared_ptr<test::Peer> client_;
  http::ResponseHead head_;
  std::optional<openai::ModelRewriter> rewriter_;
  metrics::Histogram gaps_{metrics::kInterTokenBounds};
  std::optional<Relay> relay_;
  std::optional<test::Started<End>> running_;
};

struct RelayTest : testing::Test {
  RelayTest() {
    rules.idle_timeout = rules.read_header_timeout = rules.read_timeout = rules.write_timeout =
        seconds(20);
    rules.max_body_size = 1000;
  }
  ~RelayTest() override {
    deadlines.expire_all();
    loop.run_out();
  }
  /// Sends `wire` in two pieces, the second after everything about the first is done.
  std::string carry(const Answer& answer, std::string_view wire, std::size_t cut) {
    Carried carried(loop, deadlines, rules, answer);
    carried.start();
    carried.endpoint().send(wire.substr(0, cut));
    loop.run_ready();
    carried.endpoint().send(wire.substr(cut));
    if (answer.framing == Framing::kUntilClose) carried.endpoint().close_sending_side();
    EXPECT_EQ(carried.end(), End::kComplete) << carried.relay().error();
    return carried.received();
  }

  test::Loop loop;
  net::Deadlines deadlines{loop.io()};
  net::ConnectionRules rules;
};

constexpr std::string_view kChunks =
    "4;ext=\"1\"\r\nWiki\r\n0005\r\npedia\r\nA\r\n0123456789\r\n0\r\n";

TEST_F(RelayTest, ChunksGoThroughUnchangedHoweverTheyAreCut) {
  const std::string wire = std::string(kChunks) + "\r\n";
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    SCOPED_TRACE(cut);
    ASSERT_EQ(carry({}, wire, cut), wire);
  }
}

/// The payload of a body in chunks, and behind it what follows the last one.
std::string unchunked(std::string_view wire) {
  std::string payload;
  http::BodyScanner scanner(Framing::kChunked, 0);
  while (scanner.state() == http::BodyScanner::State::kMore) {
    const auto step = scanner.next(wire);
    if (step.consumed == 0) return payload + "(cut)";
    payload += step.payload;
    wire.remove_prefix(step.consumed);
  }
  return payload.append("|").append(wire);
}

TEST_F(RelayTest, TheModelOfAnAnswerIsRenamedHoweverItIsFramedAndCut) {
  const std::string before = R"({"id":1,"model":"m","x":"\"model\":\"m\""})";
  const std::string after = R"({"id":1,"model":"longer","x":"\"model\":\"m\""})";
  const std::string chunks = "9\r\n" + before.substr(0, 9) + "\r\n2;x=y\r\n" + before.substr(9, 2) +
                             "\r\n1f\r\n" + before.substr(11) + "\r\n0\r\nChecksum: 9\r\n\r\n";
  ASSERT_EQ(before.size() - 11, 0x1fu);
  for (std::size_t cut = 0; cut <= chunks.size(); ++cut) {
    SCOPED_TRACE(cut);
    Answer answer{.renamed = "longer"};
    ASSERT_EQ(unchunked(carry(answer, chunks, cut)), after + "|Checksum: 9\r\n\r\n");
    answer.client_minor_version = 0;
    ASSERT_EQ(carry(answer, chunks, cut), after);
  }
  for (std::size_t cut = 0; cut <= before.size(); ++cut) {
    SCOPED_TRACE(cut);
    for (const Framing framing : {Framing::kLength, Framing::kUntilClose}) {
      Answer answer{.framing = framing, .length = before.size(), .renamed = "longer"};
      ASSERT_EQ(unchunked(carry(answer, before, cut)), after + "|\r\n");
      answer.client_minor_version = 0;
      ASSERT_EQ(carry(answer, before, cut), after);
    }
  }
}

TEST_F(RelayTest, TrailersAreKeptAndSpoofedOnesDroppedHoweverTheyAreCut) {
  const std::string wire =
      std::string(kChunks) + "Checksum: 9\r\nX-Olla-Endpoint: spoof\r\nConnection: x\r\n\r\n";
  for (std::size_t cut = kChunks.size() - 6; cut <= wire.size(); ++cut) {
    SCOPED_TRACE(cut);
    ASSERT_EQ(carry({}, wire, cut), std::string(kChunks) + "Checksum: 9\r\n\r\n");
  }
}

TEST_F(RelayTest, TrailersWithNamesOfTheEndpointsOwnHeadersAreDropped) {
  const std::vector<http::Field> headers = {{"X-Backend-Key", "s3cret"}};
  const Answer answer{.endpoint_headers = headers};
  const std::string wire = std::string(kChunks) + "x-backend-key: s3cret\r\nChecksum: 9\r\n\r\n";
  EXPECT_EQ(carry(answer, wire, 10), std::string(kChunks) + "Checksum: 9\r\n\r\n");
}

TEST_F(RelayTest, TheTotalTimeGoesOutAsATrailer) {
  const Answer answer{.time_trailer = true};
  const std::string wire = std::string(kChunks) + "Checksum: 9\r\n\r\n";
  EXPECT_THAT(carry(answer, wire, 10).substr(kChunks.size()),
              MatchesRegex("Checksum: 9\r\nX-Olla-Response-Time: [0-9]+ms\r\n\r\n"));
  const Answer closed{.framing = Framing::kUntilClose, .time_trailer = true};
  EXPECT_THAT(carry(closed, "abc", 3),
              MatchesRegex("3\r\nabc\r\n0\r\nX-Olla-Response-Time: [0-9]+ms\r\n\r\n"));
}

TEST_F(RelayTest, OllaW34TheTimesOfAStreamsTokensAreTaken) {
  Carried carried(loop, deadlines, rules, {.event_stream = true});
  const TimePoint before = Clock::now();
  carried.start();
  loop.run_ready();
  EXPECT_FALSE(carried.relay().first_piece_at());
  std::size_t sent = kHead.size();
  for (const std::string_view piece :
       {"9\r\ndata: a\n\n\r\n", "9\r\ndata: b\n\n\r\n", "9\r\ndata: c\n\n\r\n"}) {
    carried.endpoint().send(piece);
    sent += piece.size();
    loop.run_until([&] { return carried.client().received().size() == sent; });
  }
  carried.endpoint().send("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");  // No token.
  EXPECT_EQ(carried.end(), End::kComplete);
  ASSERT_TRUE(carried.relay().first_piece_at());
  EXPECT_GE(*carried.relay().first_piece_at(), before);
  EXPECT_EQ(carried.gaps(), 2U);
}

TEST_F(RelayTest, OtherAnswersHaveNoTokensToTime) {
  Carried carried(loop, deadlines, rules, {});
  carried.start_with(std::string(kChunks) + "\r\n");
  EXPECT_EQ(carried.end(), End::kComplete);
  EXPECT_FALSE(carried.relay().first_piece_at());
  EXPECT_EQ(carried.gaps(), 0U);
}

TEST_F(RelayTest, AnOldClientGetsChunksUnwrapped) {
  const Answer answer{.client_minor_version = 0};
  const std::string wire = std::string(kChunks) + "Checksum: 9\r\n\r\n";
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    SCOPED_TRACE(cut);
    ASSERT_EQ(carry(answer, wire, cut), "Wikipedia0123456789");
  }
}

TEST_F(RelayTest, ABodyThatEndsWithTheCloseIsChunked) {
  const Answer answer{.framing = Framing::kUntilClose};
  EXPECT_EQ(carry(answer, "hello world", 5), "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  EXPECT_EQ(carry(answer, "", 0), "0\r\n\r\n");
  const Answer old{.framing = Framing::kUntilClose, .client_minor_version = 0};
  EXPECT_EQ(carry(old, "hello world", 5), "hello world");
}

TEST_F(RelayTest, ASizedBodyEndsByItsLength) {
  const Answer answer{.framing = Framing::kLength, .length = 5};
  for (std::size_t cut = 0; cut <= 5; ++cut)
    EXPECT_EQ(carry(answer, "hello", cut), "hello");
  const Answer empty{.framing = Framing::kLength};
  EXPECT_EQ(carry(empty, "", 0), "");
  const Answer none{.framing = Framing::kNone};
  EXPECT_EQ(carry(none, "", 0), "");
}

TEST_F(RelayTest, BytesBehindTheBodyAreNotSentOn) {
  Carried carried(loop, deadlines, rules, {.framing = Framing::kLength, .length = 5});
  carried.start_with("hello, and more");
  EXPECT_EQ(carried.end(), End::kComplete);
  EXPECT_EQ(carried.upstream().input().view(), ", and more");
  EXPECT_EQ(carried.received(), "hello");
}

TEST_F(RelayTest, EachEventGoesOutAsItComes) {
  Carried carried(loop, deadlines, rules, {.event_stream = true});
  carried.start();
  loop.run_until([&] { return carried.client().received() == kHead; });
  carried.endpoint().send("9\r\ndata: 1\n\n\r\n");
  loop.run_until([&] { return carried.client().received().ends_with("data: 1\n\n\r\n"); });
  EXPECT_FALSE(carried.done());
}

TEST_F(RelayTest, BrokenChunksBeforeTheHeadLeaveTheAnswerToTheCaller) {
  Carried carried(loop, deadlines, rules, {});
  carried.start_with("zz\r\n");
  EXPECT_EQ(carried.end(), End::kUpstreamBroke);
  EXPECT_FALSE(carried.relay().head_sent());
  EXPECT_TRUE(carried.connection().is_open());
  EXPECT_EQ(carried.client().received(), "");
  EXPECT_THAT(carried.relay().error(), HasSubstr("chunked framing"));
}

TEST_F(RelayTest, BrokenTrailersBeforeTheHeadLeaveTheAnswerToTheCaller) {
  Carried carried(loop, deadlines, rules, {});
  carried.start_with("0\r\nno colon\r\n\r\n");
  EXPECT_EQ(carried.end(), End::kUpstreamBroke);
  EXPECT_FALSE(carried.relay().head_sent());
}

struct Break {
  const char* name;
  Answer answer;
  std::string_view wire;      ///< Then the endpoint breaks off.
  std::string_view received;  ///< By the client, before the error event.
  bool error_event;
};

constexpr std::string_view kEvent = "9\r\ndata: 1\n\n\r\n";
constexpr std::string_view kHalfEvent = "9\r\ndata: 1\n\n\r\n7\r\ndata: 2\r\n";

const Break kBreaks[] = {
    {"before the body", {}, "", "", false},
    {"between chunks", {}, "1\r\na\r\n", "1\r\na\r\n", false},
    {"inside a chunk", {}, "5\r\na", "5\r\na", false},
    {"inside a sized body", {.framing = Framing::kLength, .length = 9}, "1234", "1234", false},
    {"before the first event", {.event_stream = true}, "", "", true},
    {"between events", {.event_stream = true}, kEvent, kEvent, true},
    {"inside an event", {.event_stream = true}, kHalfEvent, kHalfEvent, false},
    {"inside a chunk's line",
     {.event_stream = true},
     "9\r\ndata: 1\n\n\r\n7",
     "9\r\ndata: 1\n\n\r\n7",
     false},
    {"at the end of a chunk's data",
     {.event_stream = true},
     "9\r\ndata: 1\n\n",
     "9\r\ndata: 1\n\n",
     false},
    {"behind the last chunk",
     {.event_stream = true},
     "9\r\ndata: 1\n\n\r\n0\r\n",
     "9\r\ndata: 1\n\n\r\n0\r\n",
     false},
    {"inside the trailers",
     {.event_stream = true},
     "9\r\ndata: 1\n\n\r\n0\r\nA: b\r\n",
     "9\r\ndata: 1\n\n\r\n0\r\n",
     false},
    {"between events of a sized body",
     {.framing = Framing::kLength, .length = 99, .event_stream = true},
     "data: 1\n\n",
     "data: 1\n\n",
     false},
};

TEST_F(RelayTest, ACutAnswerIsVisiblyCut) {
  for (const Break& c : kBreaks) {
    SCOPED_TRACE(c.name);
    Carried carried(loop, deadlines, rules, c.answer);
    carried.start();
    carried.endpoint().send(c.wire);
    carried.endpoint().close_sending_side();
    EXPECT_EQ(carried.end(), End::kUpstreamBroke);
    EXPECT_FALSE(carried.connection().is_open());
    const std::string received = carried.received();
    EXPECT_EQ(received.substr(0, c.received.size()), c.received);
    const std::string rest = received.substr(c.received.size());
    if (c.error_event) {
      EXPECT_THAT(rest, MatchesRegex("[0-9a-f]+\r\ndata: \\{\"error\":.*502.*\\}\n\n\r\n"));
    } else {
      EXPECT_EQ(rest, "");
    }
    EXPECT_THAT(received, Not(EndsWith("0\r\n\r\n")));
  }
}

TEST_F(RelayTest, ABodyUntilTheCloseIsNotWholeAfterAReset) {
  for (const int client_minor_version : {0, 1}) {
    SCOPED_TRACE(client_minor_version);
    Carried carried(
        loop, deadlines, rules,
        {.framing = Framing::kUntilClose, .client_minor_version = client_minor_version});
    carried.start();
    carried.endpoint().send("half");
    loop.run_until([&] { return carried.client().received().size() > kHead.size(); });
    carried.endpoint().reset();
    EXPECT_EQ(carried.end(), End::kUpstreamBroke);
    EXPECT_THAT(carried.received(), Not(EndsWith("0\r\n\r\n")));
    EXPECT_EQ(carried.client().was_reset(), client_minor_version == 0);
  }
}

TEST_F(RelayTest, ASilentEndpointIsCutOff) {
  Carried carried(loop, deadlines, rules, {.event_stream = true, .gap_limit = milliseconds(10)});
  carried.start();
  carried.endpoint().send(kEvent);
  EXPECT_EQ(carried.end(), End::kUpstreamBroke);
  EXPECT_THAT(carried.received(), HasSubstr("went silent"));
}

TEST_F(RelayTest, SilenceInsideTheTrailersIsCutOff) {
  Carried carried(loop, deadlines, rules, {.gap_limit = milliseconds(10)});
  carried.start();
  carried.endpoint().send(kChunks);
  EXPECT_EQ(carried.end(), End::kUpstreamBroke);
  EXPECT_EQ(carried.received(), kChunks);
}

TEST_F(RelayTest, AClientThatResetsEndsIt) {
  Carried carried(loop, deadlines, rules, {});
  carried.start();
  carried.client().reset();
  carried.endpoint().send("1\r\na\r\n");
  loop.run_ready();
  if (!carried.done()) carried.endpoint().send("1\r\nb\r\n");
  EXPECT_EQ(carried.end(), End::kClientGone);
}

TEST_F(RelayTest, AnAbortIsNotTheEndpointsFault) {
  for (const std::string_view so_far : {kEvent, kChunks}) {
    SCOPED_TRACE(so_far);
    Carried carried(loop, deadlines, rules, {.event_stream = true});
    carried.start();
    carried.endpoint().send(so_far);
    loop.run_until([&] { return carried.client().received().size() > kHead.size(); });
    carried.upstream().abort();
    EXPECT_EQ(carried.end(), End::kClientGone);
    EXPECT_EQ(carried.relay().error(), "");
    EXPECT_EQ(carried.received(), so_far);
  }
}

TEST_F(RelayTest, FindsTheTokenCountsHoweverTheyAreCut) {
  const std::string body =
      R"({"text":"x","usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}})";
  for (std::size_t cut = 0; cut <= body.size(); cut += 5) {
    Carried carried(loop, deadlines, rules, {.framing = Framing::kLength, .length = body.size()});
    carried.start_with(body.substr(0, cut));
    carried.endpoint().send(body.substr(cut));
    EXPECT_EQ(carried.end(), End::kComplete);
    const openai::Usage expected{.prompt_tokens = 7, .completion_tokens = 9};
    EXPECT_EQ(carried.relay().usage(), expected);
  }
}

TEST_F(RelayTest, ASlowClientHoldsTheEndpointBackInBoundedMemory) {
  for (const Framing framing : {Framing::kLength, Framing::kUntilClose}) {
    const std::size_t length = 64U << 20;
    Carried carried(loop, deadlines, rules, {.framing = framing, .length = length},
                    /*client_reads=*/false);
    carried.start();
    const std::string body(length, 'x');
    carried.endpoint().send(body);
    loop.run_for(milliseconds(50));
    EXPECT_FALSE(carried.endpoint().all_sent());
    EXPECT_LE(carried.upstream().input().capacity(), 128U * 1024);
    carried.client().read();
    carried.endpoint().close_sending_side();
    EXPECT_EQ(carried.end(), End::kComplete);
    EXPECT_GE(carried.received().size(), length);
  }
}

TEST_F(RelayTest, AClientThatTakesNothingIsGivenUp) {
  rules.write_timeout = milliseconds(20);
  const std::size_t length = 64U << 20;
  Carried carried(loop, deadlines, rules, {.framing = Framing::kLength, .length = length},
                  /*client_reads=*/false);
  carried.start();
  carried.endpoint().send(std::string(length, 'x'));
  EXPECT_EQ(carried.end(), End::kClientGone);
}

}  // namespace
}  // namespace olla::proxy
