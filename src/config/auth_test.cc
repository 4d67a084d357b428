#include "config/auth.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "test/loaded.h"

namespace olla::config {
namespace {

using test::endpoint_with;
using test::expect_errors;
using test::load_with;
using test::only_endpoint;
using test::texts;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

/// The headers of an endpoint with these lines, as "name: value".
std::vector<std::string> headers_of(const std::string& lines, const test::Texts& variables = {},
                                    const test::Texts& files = {}) {
  std::vector<std::string> out;
  const Endpoint endpoint = only_endpoint(load_with(endpoint_with(lines), variables, files));
  for (const Header& header : endpoint.headers)
    out.push_back(header.name + ": " + header.value);
  return out;
}

TEST(AuthTest, EachTypeMakesItsHeader) {
  EXPECT_THAT(headers_of("auth: {type: bearer, token: t0}"),
              ElementsAre("Authorization: Bearer t0"));
  EXPECT_THAT(headers_of("auth: {type: api_key, key: k0}"), ElementsAre("X-Api-Key: k0"));
  EXPECT_THAT(headers_of("auth: {type: API_KEY, key: k0, header: x-goog-api-key}"),
              ElementsAre("x-goog-api-key: k0"));
  // The example of RFC 7617 section 2, and the other two lengths of the padding.
  EXPECT_THAT(headers_of("auth: {type: basic, username: Aladdin, password: 'open sesame'}"),
              ElementsAre("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
  EXPECT_THAT(headers_of("auth: {type: basic, username: a, password: b}"),
              ElementsAre("Authorization: Basic YTpi"));
  EXPECT_THAT(headers_of("auth: {type: basic, username: a, password: '\xc3\xbc~'}"),
              ElementsAre("Authorization: Basic YTrDvH4="));
}

TEST(AuthTest, SecretsComeFromVariablesAndFilesToo) {
  EXPECT_THAT(headers_of("auth: {type: bearer, token: '${T}'}", {{"T", "t1"}}),
              ElementsAre("Authorization: Bearer t1"));
  EXPECT_THAT(headers_of("auth: {type: bearer, token: '${T:-t2}'}"),
              ElementsAre("Authorization: Bearer t2"));
  EXPECT_THAT(headers_of("auth: {type: bearer, token_file: /run/t}", {}, {{"/run/t", " t3\r\n"}}),
              ElementsAre("Authorization: Bearer t3"));
  EXPECT_THAT(headers_of("auth: {type: api_key, key_file: '${DIR}/t'}", {{"DIR", "/run"}},
                         {{"/run/t", "t4\n"}}),
              ElementsAre("X-Api-Key: t4"));
  // What a file holds is a secret and no template.
  EXPECT_THAT(headers_of("auth: {type: bearer, token_file: f}", {}, {{"f", "${T}"}}),
              ElementsAre("Authorization: Bearer ${T}"));
  EXPECT_THAT(headers_of("auth: {type: basic, username_file: u, password_file: p}", {},
                         {{"u", "a\n"}, {"p", "b\n"}}),
              ElementsAre("Authorization: Basic YTpi"));
}

TEST(AuthTest, TakesThePlaceOfAHeaderOfThatNameWithAWarning) {
  const std::string lines =
      "headers: {authorization: old, X-A: b}\nauth: {type: bearer, token: new}";
  EXPECT_THAT(headers_of(lines), ElementsAre("X-A: b", "Authorization: Bearer new"));
  EXPECT_THAT(texts(load_with(endpoint_with(lines)).warnings),
              ElementsAre("f:5: endpoints[0].auth.type: gives the header Authorization in place of "
                          "that of headers"));
}

TEST(AuthTest, OllaW47WhatCannotStartIsAnError) {
  const auto with = [](const std::string& auth) { return endpoint_with("auth: {" + auth + "}"); };
  const std::string at = "f:4: endpoints[0].auth";
  expect_errors({
      {endpoint_with("auth: x"), at + ": must be a mapping"},
      {endpoint_with("auth:"), at + ".type: is missing; give bearer, api_key or basic"},
      {with("type: oauth"), at + ".type: must be one of: bearer, api_key, basic; got \"oauth\""},
      {with("type: bearer"), at + ".token: is missing; give it or token_file"},
      {with("type: bearer, token: ''"), at + ".token: must not be empty"},
      {with("type: bearer, token: '${NOPE}'"),
       at + ".token: needs the environment variable NOPE, which is not set"},
      {with("type: bearer, token: '${NOPE:-}'"), at + ".token: gives no text"},
      {with("type: bearer, token: a, token_file: b"),
       at + ".token_file: is there beside token; give one of them"},
      {with("type: bearer, token_file: nowhere"),
       at + ".token_file: cannot be opened: no such file"},
      {with("type: bearer, token: \"a\\nb\""), at + ".token: holds a line end"},
      {with("type: bearer, token: a, key: b"), at + ".key: is not a key of the type bearer"},
      {with("type: api_key, key: a, header: 'X A'"), at + ".header: is not a header name"},
      {with("type: api_key, key: a, header: Host"), at + ".header: is a header that the gateway"},
      {with("type: basic, username: a"), at + ".password: is missing; give it or password_file"},
      {with("type: basic, username: 'a:b', password: c"), at + ".username: must not hold a colon"},
      {with("type: bearer, tokens: a, token: b"), at + ".tokens: unknown key; did you mean token?"},
  });
}

TEST(AuthTest, SecretsAreInNoMessage) {
  const test::Texts files = {{"bad", "s3cret\nx"}, {"empty", " \n"}};
  const test::Texts variables = {{"V", "s3cret"}, {"W", "s3cret\n1"}};
  for (const char* auth : {
           "type: bearer, token: s3cret, token_file: bad",
           "type: bearer, token_file: bad",
           "type: bearer, token: '${W}'",
           "type: basic, username: 's3cret:', password: '${V}'",
           "type: api_key, key: s3cret, header: Host",
           "type: bearer, token: [s3cret]",
           "type: bearer, token: {a: s3cret}",
           "type: bearer, key: s3cret",
           "type: bearer, token: '${s3cret'",
           "type: bearer, token_file: '${V}'",
       }) {
    SCOPED_TRACE(auth);
    const Loaded loaded =
        load_with(endpoint_with("auth: {" + std::string(auth) + "}"), variables, files);
    EXPECT_FALSE(loaded.errors.empty());
    for (const std::string& text : texts(loaded.errors))
      EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
  }
}

/// A folder that exists for one test.
class Folder {
 public:
  Folder() : path_(testing::TempDir() + "olla_auth_test_" + std::to_string(::getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(AuthTest, SecretFilesAreRegularAndSmall) {
  const Folder folder;
  const SecretFiles files = system_secret_files();
  const auto fault = [&](const std::string& path) {
    const auto text = files(path);
    return text ? "none: " + *text : text.error().detail;
  };
  std::ofstream(folder.path("good")) << "abc\n";
  EXPECT_EQ(fault(folder.path("good")), "none: abc\n");
  EXPECT_EQ(fault(folder.path("missing")), "cannot be opened: No such file or directory");
  std::ofstream(folder.path("most")) << std::string(kSecretFileBytesMax, 'a');
  EXPECT_THAT(fault(folder.path("most")), StartsWith("none: a"));
  std::ofstream(folder.path("more")) << std::string(kSecretFileBytesMax + 1, 'a');
  EXPECT_EQ(fault(folder.path("more")), "names a file of more than 65536 bytes");
  EXPECT_EQ(fault(folder.path("")), "names something that is not a regular file");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(fault(folder.path("pipe")), "names something that is not a regular file");
  EXPECT_EQ(fault("/dev/zero"), "names something that is not a regular file");
}

}  // namespace
}  // namespace olla::config
