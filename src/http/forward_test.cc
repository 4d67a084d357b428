#include "http/forward.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace olla::http {
namespace {

const std::string kProduct = "olla/v" OLLA_VERSION;

/// Parses a request and appends the head that goes upstream.
std::string forward(const std::string& wire, RequestForwarding forwarding) {
  RequestHead head;
  EXPECT_FALSE(parse_request_head(wire, 100, head));
  std::string out;
  append_request_head(head, forwarding, out);
  return out;
}

RequestForwarding usual() {
  RequestForwarding forwarding;
  forwarding.target = "/v1/models?x=%2F";
  forwarding.authority = "10.0.0.1:8000";
  forwarding.client_address = "192.0.2.7";
  forwarding.real_ip = "198.51.100.9";
  forwarding.request_id = "id-1";
  return forwarding;
}

TEST(RequestForwardTest, SendsAUsualRequestOn) {
  EXPECT_EQ(
      forward("GET /olla/vllm/v1/models?x=%2F HTTP/1.1\r\nHost: gateway\r\nAccept: */*\r\n\r\n",
              usual()),
      "GET /v1/models?x=%2F HTTP/1.1\r\nHost: 10.0.0.1:8000\r\nAccept: */*\r\n"
      "X-Olla-Request-ID: id-1\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
      "X-Forwarded-Host: gateway\r\nX-Real-IP: 198.51.100.9\r\nX-Proxied-By: " +
          kProduct + "\r\nVia: 1.1 " + kProduct + "\r\n\r\n");
}

TEST(RequestForwardTest, DropsHopByHopFieldsAndThoseNamedInConnection) {
  const std::string out = forward(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Secret, keep-alive\r\nConnection: X-Other\r\n"
      "X-Secret: 1\r\nx-other: 2\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n"
      "Upgrade: h2c\r\nProxy-Authorization: y\r\nExpect: 100-continue\r\nX-Kept: 3\r\n\r\n",
      usual());
  for (const char* gone : {"X-Secret", "x-other", "Keep-Alive", "Proxy-Connection",
                           "TE:", "Upgrade", "Proxy-Authorization", "Expect", "Connection"})
    EXPECT_EQ(out.find(gone), std::string::npos) << gone;
  EXPECT_NE(out.find("X-Kept: 3\r\n"), std::string::npos);
}

TEST(RequestForwardTest, KeepsTheClientsCredentialsToItselfUnlessToldOtherwise) {
  const std::string wire =
      "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cret\r\nCookie: s3cret\r\n"
      "X-Api-Key: s3cret\r\nx-auth-token: s3cret\r\n\r\n";
  EXPECT_EQ(forward(wire, usual()).find("s3cret"), std::string::npos);
  RequestForwarding trusting = usual();
  trusting.forward_client_auth = true;
  const std::string out = forward(wire, trusting);
  EXPECT_NE(out.find("Authorization: Bearer s3cret\r\n"), std::string::npos);
  EXPECT_NE(out.find("X-Api-Key: s3cret\r\n"), std::string::npos);
}

TEST(RequestForwardTest, AKeyBecomesABearerTokenWhereTheEndpointTakesNoOther) {
  const std::string key = "GET / HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\n";
  RequestForwarding forwarding = usual();
  forwarding.key_as_bearer = true;
  EXPECT_EQ(forward(key + "\r\n", forwarding).find("Bearer"), std::string::npos)
      << "the client's credentials are for the gateway alone";
  forwarding.forward_client_auth = true;
  const std::string out = forward(key + "\r\n", forwarding);
  EXPECT_NE(out.find("Authorization: Bearer k\r\n"), std::string::npos);
  EXPECT_NE(out.find("x-api-key: k\r\n"), std::string::npos);
  for (const char* other : {"authorization: Basic x\r\n\r\n", "Connection: X-Api-Key\r\n\r\n"})
    EXPECT_EQ(forward(key + other, forwarding).find("Bearer"), std::string::npos) << other;
  EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: a\r\nx-api-key:\r\n\r\n", forwarding).find("Bearer"),
            std::string::npos);
  const std::vector<Field> headers = {{"Authorization", "Bearer ours"}};
  forwarding.endpoint_headers = headers;
  EXPECT_EQ(forward(key + "\r\n", forwarding).find("Bearer k"), std::string::npos);
}

TEST(RequestForwardTest, EndpointHeadersWin) {
  const std::vector<Field> headers = {
      {"x-api-key", "ours"}, {"Via", "mine"}, {"X-Forwarded-Proto", "https"}};
  RequestForwarding forwarding = usual();
  forwarding.endpoint_headers = headers;
  forwarding.forward_client_auth = true;
  const std::string out =
      forward("GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: theirs\r\n\r\n", forwarding);
  EXPECT_EQ(out.find("theirs"), std::string::npos);
  EXPECT_NE(out.find("x-api-key: ours\r\n"), std::string::npos);
  EXPECT_EQ(out.find("1.1 olla/"), std::string::npos);
  EXPECT_EQ(out.find("X-Forwarded-Proto: http\r\n"), std::string::npos);
}

TEST(RequestForwardTest, AppendsToListsOfProxies) {
  const std::string out = forward(
      "GET / HTTP/1.0\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nVia: 1.1 front\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example\r\nHost: gateway\r\n\r\n",
      usual());
  EXPECT_NE(out.find("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7\r\n"), std::string::npos);
  EXPECT_NE(out.find("Via: 1.1 front, 1.0 " + kProduct + "\r\n"), std::string::npos);
  EXPECT_NE(out.find("X-Forwarded-Proto: https\r\n"), std::string::npos);
  EXPECT_NE(out.find("X-Forwarded-Host: api.example\r\n"), std::string::npos);
  EXPECT_EQ(out.find("X-Forwarded-Host: gateway"), std::string::npos);
}

struct FieldCase {
  const char* name;
  std::string sent;      // By the client.
  const char* field;     // Which is looked for.
  std::string received;  // By the endpoint; "-": nothing.
};

TEST(RequestForwardTest, OllaW21W26SaysWhoAskedForWhatThroughWhom) {
  const FieldCase kCases[] = {
      {"nobody said it", "", "X-Real-IP", "198.51.100.9"},
      {"an outer proxy said it", "X-Real-IP: 203.0.113.7\r\n", "X-Real-IP", "203.0.113.7"},
      {"the peer is appended, not the first one again", "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n",
       "X-Forwarded-For", "1.2.3.4, 5.6.7.8, 192.0.2.7"},
      {"the client is no proxy", "X-Proxied-By: me\r\n", "X-Proxied-By", kProduct},
      {"the model keeps its capitals", "", "X-Model", "Meta-Llama/Tiny"},
      {"and the body names it", "X-Model: other\r\n", "X-Model", "Meta-Llama/Tiny"},
      {"fields named in Connection", "Connection: X-A\r\nX-A: 1\r\n", "X-A", "-"},
      {"a session", "X-Olla-Session-ID: s\r\n", "X-Olla-Session-ID", "s"},
      {"one Via for all", "Via: 1.0 a\r\nVia: 1.1 b\r\n", "Via", "1.0 a, 1.1 b, 1.1 " + kProduct},
  };
  for (const FieldCase& c : kCases) {
    SCOPED_TRACE(c.name);
    RequestForwarding forwarding = usual();
    forwarding.model = "Meta-Llama/Tiny";
    const std::string out = forward("GET / HTTP/1.1\r\nHost: a\r\n" + c.sent + "\r\n", forwarding);
    ResponseHead parsed;
    const std::string wire = "HTTP/1.1 200 OK" + out.substr(out.find("\r\n"));
    ASSERT_FALSE(parse_response_head(wire, 100, "GET", parsed));
    std::string received = "-";
    for (const Field& field : parsed.fields) {
      if (!iequals(field.name, c.field)) continue;
      EXPECT_EQ(received, "-") << "twice";
      received = field.value;
    }
    EXPECT_EQ(received, c.received);
  }
}

TEST(RequestForwardTest, AModelThatTheBodyDoesNotNameIsTheClientsOwn) {
  const std::string out = forward("GET / HTTP/1.1\r\nHost: a\r\nX-Model: mine\r\n\r\n", usual());
  EXPECT_NE(out.find("X-Model: mine\r\n"), std::string::npos);
}

TEST(RequestForwardTest, EndpointHeadersWinOverEveryFieldOfTheGateway) {
  const std::vector<Field> headers = {{"x-real-ip", "h"}, {"X-Model", "h"}, {"X-Proxied-By", "h"}};
  RequestForwarding forwarding = usual();
  forwarding.endpoint_headers = headers;
  forwarding.model = "m";
  const std::string out = forward("GET / HTTP/1.1\r\nHost: a\r\n\r\n", forwarding);
  for (const char* name : {"X-Real-IP: ", "X-Model: m", "X-Proxied-By: olla"})
    EXPECT_EQ(out.find(name), std::string::npos) << name;
}

TEST(RequestForwardTest, WritesTheFramingItIsTold) {
  const std::string wire =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
  RequestForwarding sized = usual();
  sized.framing = Framing::kLength;
  sized.content_length = 12;
  const std::string out = forward(wire, sized);
  EXPECT_NE(out.find("Content-Length: 12\r\n"), std::string::npos);
  EXPECT_EQ(out.find("Transfer-Encoding"), std::string::npos);
  RequestForwarding chunked = usual();
  chunked.framing = Framing::kChunked;
  EXPECT_NE(forward(wire, chunked).find("Transfer-Encoding: chunked\r\n"), std::string::npos);
}

TEST(RequestForwardTest, AnnouncesOnlyTrailersThatMayCome) {
  const std::string wire =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum,X-Api-Key , "
      "X-B\r\n"
      "Trailer: Cookie\r\n\r\n";
  RequestForwarding forwarding = usual();
  forwarding.framing = Framing::kChunked;
  const std::string out = forward(wire, forwarding);
  EXPECT_NE(out.find("\r\nTrailer: X-Sum, X-B\r\n"), std::string::npos);
  EXPECT_EQ(out.find("Trailer"), out.rfind("Trailer"));
  for (const Framing framing : {Framing::kLength, Framing::kNone}) {
    forwarding.framing = framing;
    EXPECT_EQ(forward(wire, forwarding).find("Trailer"), std::string::npos);
  }
}

/// Parses a response and appends the head that goes to the client.
std::string respond(const std::string& wire, const ResponseForwarding& forwarding) {
  ResponseHead head;
  EXPECT_FALSE(parse_response_head(wire, 100, "GET", head));
  std::string out;
  append_response_head(head, forwarding, out);
  return out;
}

ResponseForwarding usual_response() {
  ResponseForwarding forwarding;
  forwarding.endpoint = "gpu-1";
  forwarding.model = "m";
  forwarding.backend_type = "vllm";
  forwarding.response_time_ms = 12;
  forwarding.request_id = "id-1";
  forwarding.framing = Framing::kLength;
  return forwarding;
}

TEST(ResponseForwardTest, AddsTheGatewaysFields) {
  EXPECT_EQ(respond("HTTP/1.1 200 Fine\r\nserver: uvicorn\r\ncontent-length: 2\r\n\r\n",
                    usual_response()),
            "HTTP/1.1 200 Fine\r\nserver: uvicorn\r\ncontent-length: 2\r\nVia: 1.1 " + kProduct +
                "\r\nX-Served-By: " + kProduct +
                "\r\nX-Olla-Endpoint: gpu-1\r\nX-Olla-Backend-Type: vllm\r\nX-Olla-Model: m\r\n"
                "X-Olla-Request-ID: id-1\r\nX-Olla-Response-Time: 12ms\r\n\r\n");
}

TEST(ResponseForwardTest, ABackendCannotSpeakForTheGatewayNorLeakSecrets) {
  const std::vector<Field> headers = {{"X-Backend-Key", "s3cret"}};
  ResponseForwarding forwarding = usual_response();
  forwarding.endpoint_headers = headers;
  const std::string out = respond(
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-olla-endpoint: evil\r\nX-OLLA-Other: evil\r\n"
      "Set-Cookie: evil\r\nAuthorization: evil\r\nX-Backend-Key: evil\r\nConnection: X-Hop\r\n"
      "X-Hop: evil\r\nKeep-Alive: evil\r\nVia: 1.0 front\r\n\r\n",
      forwarding);
  EXPECT_EQ(out.find("evil"), std::string::npos);
  EXPECT_NE(out.find("Via: 1.0 front, 1.1 " + kProduct + "\r\n"), std::string::npos);
}

TEST(ResponseForwardTest, OllaW26IsOneOfTheProxiesOnTheWay) {
  const std::string out = respond(
      "HTTP/1.1 200 OK\r\nVia: 1.1 backend\r\nX-Served-By: backend\r\nKeep-Alive: timeout=5\r\n"
      "Connection: keep-alive\r\nX-Custom: 1\r\nX-Custom: 2\r\nContent-Length: 0\r\n\r\n",
      usual_response());
  EXPECT_NE(out.find("\r\nVia: 1.1 backend, 1.1 " + kProduct + "\r\n"), std::string::npos);
  EXPECT_NE(out.find("\r\nX-Served-By: backend, " + kProduct + "\r\n"), std::string::npos);
  EXPECT_EQ(out.find("Via"), out.rfind("Via"));
  EXPECT_EQ(out.find("X-Served-By"), out.rfind("X-Served-By"));
  EXPECT_NE(out.find("X-Custom: 1\r\nX-Custom: 2\r\n"), std::string::npos);
  EXPECT_EQ(out.find("Keep-Alive"), std::string::npos);
}

TEST(ResponseForwardTest, SaysInWhichModeItAnswers) {
  EXPECT_EQ(
      respond("HTTP/1.1 200 OK\r\nX-Olla-Mode: x\r\n\r\n", usual_response()).find("X-Olla-Mode:"),
      std::string::npos);
  ResponseForwarding forwarding = usual_response();
  forwarding.mode = "passthrough";
  EXPECT_NE(respond("HTTP/1.1 200 OK\r\n\r\n", forwarding).find("X-Olla-Mode: passthrough\r\n"),
            std::string::npos);
}

TEST(ResponseForwardTest, SaysHowTheConnectionGoesOn) {
  const std::string wire = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(respond(wire, usual_response()).find("Connection"), std::string::npos);
  ResponseForwarding closing = usual_response();
  closing.keep_alive = false;
  EXPECT_NE(respond(wire, closing).find("Connection: close\r\n"), std::string::npos);
  ResponseForwarding old = usual_response();
  old.client_minor_version = 0;
  EXPECT_NE(respond(wire, old).find("Connection: keep-alive\r\n"), std::string::npos);
}

TEST(ResponseForwardTest, KeepsTheFramingInItsPlaceAndReplacesItWhereItChanged) {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nA: 1\r\ntransfer-encoding: Chunked\r\nB: 2\r\n\r\n";
  ResponseForwarding forwarding = usual_response();
  forwarding.framing = Framing::kChunked;
  EXPECT_NE(respond(chunked, forwarding).find("A: 1\r\ntransfer-encoding: chunked\r\nB: 2\r\n"),
            std::string::npos);
  EXPECT_NE(respond("HTTP/1.1 200 OK\r\n\r\n", forwarding).find("Transfer-Encoding: chunked\r\n"),
            std::string::npos);
  forwarding.framing = Framing::kUntilClose;
  EXPECT_EQ(respond(chunked, forwarding).find("ransfer-"), std::string::npos);
}

TEST(ResponseForwardTest, ABackendCannotTakeTheFramingAwayByNamingItInConnection) {
  const std::string out =
      respond("HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\n",
              usual_response());
  EXPECT_NE(out.find("Content-Length: 2\r\n"), std::string::npos);
}

TEST(ResponseForwardTest, AnnouncesOnlyTrailersThatMayCome) {
  const std::vector<Field> headers = {{"X-Backend-Key", "s3cret"}};
  const std::string wire =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Olla-Endpoint, X-Sum\r\n"
      "Trailer: x-backend-key,Via\r\n\r\n";
  ResponseForwarding forwarding = usual_response();
  forwarding.endpoint_headers = headers;
  for (const Framing framing : {Framing::kChunked, Framing::kNone}) {
    forwarding.framing = framing;
    const std::string out = respond(wire, forwarding);
    EXPECT_NE(out.find("\r\nTrailer: X-Sum\r\n"), std::string::npos);
    EXPECT_EQ(out.find("Trailer"), out.rfind("Trailer"));
  }
  for (const Framing framing : {Framing::kLength, Framing::kUntilClose}) {
    forwarding.framing = framing;
    EXPECT_EQ(respond(wire, forwarding).find("Trailer"), std::string::npos);
  }
}

TEST(ResponseForwardTest, ABodilessAnswerKeepsTheLengthItTells) {
  ResponseForwarding forwarding = usual_response();
  forwarding.framing = Framing::kNone;
  EXPECT_NE(respond("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", forwarding)
                .find("Content-Length: 9\r\n"),
            std::string::npos);
}

TEST(ResponseForwardTest, AnAnswerThatCanHaveNoBodyTellsNoLength) {
  ResponseForwarding forwarding = usual_response();
  forwarding.framing = Framing::kNone;
  EXPECT_EQ(respond("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", forwarding)
                .find("Content-Length"),
            std::string::npos);
  ResponseHead interim;
  ASSERT_FALSE(
      parse_response_head("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: x\r\nVia: "
                          "y\r\nX-Served-By: y\r\nX-Key: s\r\n\r\n",
                          100, "GET", interim));
  std::string out;
  const Field secret{"x-key", "s"};
  append_interim_head(interim, {&secret, 1}, out);
  EXPECT_EQ(out, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
}

struct TrailerCase {
  std::string_view name;
  bool passes;
  bool passes_with_client_auth;
};

TEST(TrailerForwardTest, ARequestsTrailersAreFilteredAsItsHeadIs) {
  constexpr TrailerCase kCases[] = {
      {"X-Sum", true, true},
      {"X-Api-Key", false, true},
      {"cookie", false, true},
      {"X-Auth-Token", false, true},
      {"Authorization", false, false},
      {"Proxy-Authorization", false, false},
      {"Content-Length", false, false},
      {"Transfer-Encoding", false, false},
      {"Host", false, false},
      {"Expect", false, false},
      {"Connection", false, false},
      {"Via", false, false},
      {"X-Forwarded-For", false, false},
      {"x-forwarded-host", false, false},
      {"X-Forwarded-Proto", false, false},
      {"X-Real-IP", false, false},
      {"X-Model", false, false},
      {"X-Proxied-By", false, false},
      {"X-Olla-Request-ID", false, false},
      {"X-Olla-Other", false, false},
      {"x-team", false, false},    // One of the endpoint's own headers.
      {"X-Listed", false, false},  // Named by the client's Connection.
  };
  const std::vector<Field> headers = {{"X-Team", "ours"}};
  RequestHead head;
  ASSERT_FALSE(parse_request_head(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: x-listed\r\nTransfer-Encoding: chunked\r\n\r\n",
      100, head));
  for (const TrailerCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::vector<Field> trailers = {{c.name, "1"}};
    RequestForwarding forwarding = usual();
    forwarding.endpoint_headers = headers;
    const std::string passed = std::string(c.name) + ": 1\r\n\r\n";
    std::string out;
    append_request_trailers(trailers, head, forwarding, out);
    EXPECT_EQ(out, c.passes ? passed : "\r\n");
    forwarding.forward_client_auth = true;
    out.clear();
    append_request_trailers(trailers, head, forwarding, out);
    EXPECT_EQ(out, c.passes_with_client_auth ? passed : "\r\n");
  }
}

TEST(TrailerForwardTest, TheIdThatTheGatewaySetIsNotSetAgain) {
  const std::string wire =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Request-ID\r\n\r\n";
  const std::vector<Field> trailers = {{"X-Request-ID", "evil"}};
  for (const bool sets : {false, true}) {
    RequestForwarding forwarding = usual();
    forwarding.framing = Framing::kChunked;
    forwarding.sets_x_request_id = sets;
    std::string out;
    append_request_trailers(trailers, RequestHead(), forwarding, out);
    EXPECT_EQ(out, sets ? "\r\n" : "X-Request-ID: evil\r\n\r\n");
    EXPECT_EQ(forward(wire, forwarding).find("Trailer") == std::string::npos, sets);
  }
}

TEST(TrailerForwardTest, AResponsesTrailersAreFilteredAsItsHeadIs) {
  const std::vector<Field> headers = {{"X-Backend-Key", "s3cret"}};
  ResponseHead head;
  ASSERT_FALSE(parse_response_head(
      "HTTP/1.1 200 OK\r\nConnection: X-Listed\r\nTransfer-Encoding: chunked\r\n\r\n", 100, "GET",
      head));
  for (const char* name : {"X-Api-Key", "x-auth-token", "Authorization", "Set-Cookie",
                           "Proxy-Authenticate", "Via", "X-Served-By", "x-backend-key", "X-Listed",
                           "Content-Length", "TE", "Trailer", "X-Olla-Endpoint"}) {
    const std::vector<Field> trailers = {{name, "evil"}, {"X-Sum", "1"}};
    std::string out;
    append_response_trailers(trailers, head, {.endpoint_headers = headers}, out);
    EXPECT_EQ(out, "X-Sum: 1\r\n\r\n") << name;
  }
}

TEST(TrailerForwardTest, AddsTheTotalTimeBehindTheEndpointsOwn) {
  const std::vector<Field> trailers = {{"X-Olla-Response-Time", "evil"}, {"X-Sum", "1"}};
  std::string out;
  append_response_trailers(trailers, ResponseHead(), {.response_time_ms = 34}, out);
  EXPECT_EQ(out, "X-Sum: 1\r\nX-Olla-Response-Time: 34ms\r\n\r\n");
}

TEST(RequestIdTest, TakesTheClientsIdWhenItIsFit) {
  const auto id = [](std::vector<Field> fields) { return client_request_id(fields); };
  EXPECT_EQ(id({{"X-Request-ID", "b"}, {"x-olla-request-id", "a"}}), "a");
  EXPECT_EQ(id({{"X-Olla-Request-ID", "has space"}, {"X-Request-ID", "b"}}), "b");
  EXPECT_EQ(id({{"X-Request-ID", "has space"}, {"X-Request-ID", "b"}}), "b");
  EXPECT_FALSE(id({{"X-Request-ID", ""}}));
  EXPECT_FALSE(id({}));
  const std::string longest(128, 'x');
  const std::string too_long(129, 'x');
  EXPECT_EQ(id({{"X-Request-ID", longest}}), longest);
  EXPECT_FALSE(id({{"X-Request-ID", too_long}}));
}

TEST(OriginFormTest, TakesThePathOutOfBothForms) {
  EXPECT_EQ(origin_form("/a//b?c"), "/a//b?c");
  EXPECT_EQ(origin_form("http://host:1/a?b"), "/a?b");
  EXPECT_EQ(origin_form("HTTP://host"), "/");
  EXPECT_FALSE(origin_form("*"));
  EXPECT_FALSE(origin_form("host:443"));
}

TEST(RequestForwardTest, AVllmGetsTheIdWhereItLooksForIt) {
  RequestHead head;
  ASSERT_FALSE(parse_request_head(
      "GET /x HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\nAccept-Encoding: gzip\r\n\r\n", 100,
      head));
  RequestForwarding forwarding;
  forwarding.target = "/x";
  forwarding.authority = "e";
  forwarding.client_address = "1.2.3.4";
  forwarding.request_id = "id-1";
  std::string plain;
  append_request_head(head, forwarding, plain);
  EXPECT_NE(plain.find("X-Request-Id: mine\r\n"), std::string::npos);
  EXPECT_NE(plain.find("Accept-Encoding: gzip\r\n"), std::string::npos);
  forwarding.sets_x_request_id = true;
  forwarding.reads_answer = true;
  std::string out;
  append_request_head(head, forwarding, out);
  EXPECT_NE(out.find("X-Request-Id: id-1\r\n"), std::string::npos);
  EXPECT_EQ(out.find("mine"), std::string::npos);
  EXPECT_EQ(out.find("gzip"), std::string::npos);
  EXPECT_NE(out.find("Accept-Encoding: identity\r\n"), std::string::npos)
      << "without it a server may compress (RFC 9110, section 12.5.3)";
}

TEST(ResponseForwardTest, SaysWhatWasTranslated) {
  ResponseForwarding forwarding = usual_response();
  EXPECT_EQ(respond("HTTP/1.1 200 OK\r\n\r\n", forwarding).find("X-Olla-Translated"),
            std::string::npos);
  forwarding.translated = "best_of->n";
  EXPECT_NE(respond("HTTP/1.1 200 OK\r\nX-Olla-Translated: x\r\n\r\n", forwarding)
                .find("\r\nX-Olla-Translated: best_of->n\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace olla::http
