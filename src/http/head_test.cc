#include "http/head.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace olla::http {
namespace {

/// Feeds `wire` in pieces of `piece` bytes; the last state seen.
HeadScanner::State scan_in_pieces(HeadScanner& scanner, std::string_view wire, std::size_t piece) {
  auto state = HeadScanner::State::kMore;
  for (std::size_t end = piece; state == HeadScanner::State::kMore; end += piece) {
    state = scanner.scan(wire.substr(0, end));
    if (end >= wire.size()) break;
  }
  return state;
}

TEST(HeadScannerTest, FindsTheEndAtEveryPieceSize) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string wire = head + "body\r\n\r\n";
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    HeadScanner scanner(1000);
    ASSERT_EQ(scan_in_pieces(scanner, wire, piece), HeadScanner::State::kComplete) << piece;
    EXPECT_EQ(scanner.size(), head.size());
    EXPECT_EQ(scanner.skipped(), 0u);
  }
}

TEST(HeadScannerTest, FindsALineEndAtEveryPlace) {
  for (std::size_t name = 1; name < 70; ++name) {
    const std::string head = "GET / HTTP/1.1\r\n" + std::string(name, 'x') + ": y\r\nA: b\r\n\r\n";
    for (const std::string_view behind : {"", "x", "a body of more than sixteen bytes\n\n"}) {
      HeadScanner scanner(1000);
      ASSERT_EQ(scanner.scan(head + std::string(behind)), HeadScanner::State::kComplete) << name;
      EXPECT_EQ(scanner.size(), head.size());
    }
    std::string bare = head;
    bare.erase(bare.find("\r\nA"), 1);
    EXPECT_EQ(HeadScanner(1000).scan(bare), HeadScanner::State::kMalformed) << name;
  }
}

TEST(HeadScannerTest, SkipsEmptyLinesBeforeTheHead) {
  HeadScanner scanner(1000);
  EXPECT_EQ(scanner.scan("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HeadScanner::State::kComplete);
  EXPECT_EQ(scanner.skipped(), 4u);
}

TEST(HeadScannerTest, RefusesWhatCannotBeAHeadAtOnce) {
  for (const std::string_view wire :
       {"GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n", "\n", "\x16\x03\x01", " GET", "\r\n\n"}) {
    HeadScanner scanner(1000);
    EXPECT_EQ(scanner.scan(wire), HeadScanner::State::kMalformed) << wire;
  }
}

TEST(HeadScannerTest, RefusesAHeadOverTheLimitWhetherItEndsOrNot) {
  const std::string head = "GET / HTTP/1.1\r\nA: " + std::string(100, 'x') + "\r\n\r\n";
  EXPECT_EQ(HeadScanner(head.size()).scan(head), HeadScanner::State::kComplete);
  EXPECT_EQ(HeadScanner(head.size() - 1).scan(head), HeadScanner::State::kTooLarge);
  EXPECT_EQ(HeadScanner(20).scan("GET /" + std::string(20, 'x')), HeadScanner::State::kTooLarge);
  std::string empty_lines;
  for (int i = 0; i < 20; ++i)
    empty_lines += "\r\n";
  EXPECT_EQ(HeadScanner(20).scan(empty_lines), HeadScanner::State::kTooLarge);
}

struct RefusedCase {
  std::string_view why;
  std::string_view head;  // Without the last CRLF.
  int status;
};

constexpr RefusedCase kRefused[] = {
    {"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
     400},
    {"equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
     400},
    {"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n", 400},
    {"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n", 400},
    {"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n", 400},
    {"length overflow", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n",
     400},
    {"length and chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400},
    {"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n", 400},
    {"chunked in two fields, twice",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     400},
    {"chunked not last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n", 400},
    {"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501},
    {"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n", 501},
    {"a name near chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n", 501},
    {"empty coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n", 400},
    {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400},
    {"no host", "GET / HTTP/1.1\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400},
    {"host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n", 400},
    {"host with a path", "GET / HTTP/1.1\r\nHost: a/c\r\n", 400},
    {"host with a password", "GET http://user:secret@a/ HTTP/1.1\r\nHost: a\r\n", 400},
    {"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n", 400},
    {"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n", 400},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n", 400},
    {"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n", 400},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n", 400},
    {"NUL in a value", std::string_view("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n", 32), 400},
    {"bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n", 400},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n", 400},
    {"tab for space", "GET\t/ HTTP/1.1\r\nHost: a\r\n", 400},
    {"method with a bracket", "G(T / HTTP/1.1\r\nHost: a\r\n", 400},
    {"no version", "GET /\r\nHost: a\r\n", 400},
    {"lower-case http", "GET / http/1.1\r\nHost: a\r\n", 400},
    {"three digits", "GET / HTTP/1.10\r\nHost: a\r\n", 400},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n", 505},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n", 505},
    {"unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: coffee\r\n", 417},
};

TEST(RequestHeadTest, RefusesWhatTwoReadersCouldReadInTwoWays) {
  for (const RefusedCase& c : kRefused) {
    RequestHead head;
    const auto refusal = parse_request_head(std::string(c.head) + "\r\n", 100, head);
    ASSERT_TRUE(refusal) << c.why;
    EXPECT_EQ(refusal->status, c.status) << c.why;
  }
}

TEST(RequestHeadTest, ReadsAUsualHead) {
  const std::string wire =
      "POST /v1/x?y=%2F HTTP/1.1\r\nHost: gateway:40114\r\nContent-Length:  42 \r\n"
      "TE: gzip, Trailers\r\nExpect: 100-Continue\r\nX-Empty:\r\nX-Bytes: \xc3\xa9\r\n\r\n";
  RequestHead head;
  ASSERT_FALSE(parse_request_head(wire, 100, head));
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/x?y=%2F");
  EXPECT_EQ(head.framing, Framing::kLength);
  EXPECT_EQ(head.content_length, 42u);
  EXPECT_EQ(head.host, "gateway:40114");
  EXPECT_TRUE(head.takes_trailers);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(head.fields.size(), 6u);
  EXPECT_EQ(head.fields[4].value, "");
  EXPECT_EQ(head.fields[5].value, "\xc3\xa9");
}

TEST(RequestHeadTest, ReusedHeadKeepsNothingOfTheRequestBefore) {
  RequestHead head;
  const std::string first =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\nTE: "
      "trailers\r\n\r\n";
  const std::string second = "GET / HTTP/1.1\r\nHost: b\r\n\r\n";
  ASSERT_FALSE(parse_request_head(first, 100, head));
  EXPECT_FALSE(head.keep_alive);
  ASSERT_FALSE(parse_request_head(second, 100, head));
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.takes_trailers);
  EXPECT_EQ(head.framing, Framing::kNone);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(head.fields.size(), 1u);
}

TEST(RequestHeadTest, TakesTheHostOfATargetInAbsoluteForm) {
  RequestHead head;
  ASSERT_FALSE(parse_request_head("GET http://a:1/x HTTP/1.1\r\nHost: b\r\n\r\n", 100, head));
  EXPECT_EQ(head.host, "a:1");
  ASSERT_FALSE(parse_request_head("GET /http://a:1/x HTTP/1.1\r\nHost: b\r\n\r\n", 100, head));
  EXPECT_EQ(head.host, "b");
}

struct KeepAliveCase {
  std::string_view head;
  bool keep_alive;
};

TEST(RequestHeadTest, DecidesWhetherTheConnectionLives) {
  for (const KeepAliveCase& c :
       {KeepAliveCase{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", true}}) {
    RequestHead head;
    ASSERT_FALSE(parse_request_head(c.head, 100, head)) << c.head;
    EXPECT_EQ(head.keep_alive, c.keep_alive) << c.head;
  }
}

TEST(RequestHeadTest, LimitsTheNumberOfFields) {
  const std::string wire = "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n";
  RequestHead head;
  EXPECT_FALSE(parse_request_head(wire, 3, head));
  const auto refusal = parse_request_head(wire, 2, head);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 431);
}

TEST(RequestHeadTest, KeepsTheFieldsInFrontOfTheFault) {
  const std::string_view start = "GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: b\r\n";
  for (const std::string_view fault :
       {"Bad Name: 1\r\n", "X: \x01\r\n", "no colon\r\n", " folded\r\n", "Content-Length: x\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Expect: more\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"}) {
    SCOPED_TRACE(fault);
    RequestHead head;
    const std::string wire = std::string(start).append(fault).append("\r\n");
    ASSERT_TRUE(parse_request_head(wire, 100, head));
    EXPECT_EQ(find_field(head.fields, "x-request-id"), "b");
    for (const Field& field : head.fields) {
      EXPECT_TRUE(is_token(field.name)) << field.name;
      EXPECT_TRUE(is_field_value(field.value)) << field.value;
    }
  }
}

struct ResponseCase {
  std::string_view method;
  std::string_view head;
  Framing framing;
  bool keep_alive;
};

TEST(ResponseHeadTest, FramesTheBodyByStatusMethodAndFields) {
  for (const ResponseCase& c : {
           ResponseCase{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::kLength,
                        true},
           {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::kNone, true},
           {"GET", "HTTP/1.1 204 No Content\r\n\r\n", Framing::kNone, true},
           {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Framing::kNone, true},
           {"GET", "HTTP/1.1 103 Early Hints\r\n\r\n", Framing::kNone, true},
           {"GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Framing::kChunked,
            true},
           {"GET", "HTTP/1.1 200 OK\r\n\r\n", Framing::kUntilClose, false},
           {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::kLength, false},
           {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
            Framing::kLength, true},
           {"GET",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n",
            Framing::kChunked, false},
           {"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Framing::kLength, true},
           {"GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Framing::kLength, false},
       }) {
    ResponseHead head;
    ASSERT_FALSE(parse_response_head(c.head, 100, c.method, head)) << c.head;
    EXPECT_EQ(head.framing, c.framing) << c.head;
    EXPECT_EQ(head.keep_alive, c.keep_alive) << c.head;
  }
}

TEST(ResponseHeadTest, RefusesWhatCannotBeRelayedSafely) {
  for (const std::string_view wire :
       {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 200 O\x01K\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n", "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n"}) {
    ResponseHead head;
    const auto refusal = parse_response_head(wire, 100, "GET", head);
    ASSERT_TRUE(refusal) << wire;
    EXPECT_EQ(refusal->status, 502);
  }
}

TEST(TrailersTest, ReadsFieldLinesAndRefusesOthers) {
  std::vector<Field> trailers;
  ASSERT_TRUE(parse_trailers("X-Sum: 1\r\nX-Other: 2\r\n\r\n", 10, trailers));
  ASSERT_EQ(trailers.size(), 2u);
  EXPECT_EQ(trailers[1].name, "X-Other");
  EXPECT_TRUE(parse_trailers("\r\n", 10, trailers));
  EXPECT_FALSE(parse_trailers("nonsense\r\n\r\n", 10, trailers));
  EXPECT_FALSE(parse_trailers("A: 1\r\nB: 2\r\n\r\n", 1, trailers));
}

}  // namespace
}  // namespace olla::http
