#include "routing/session_key.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::routing {
namespace {

using config::StickyKeySource;

const SessionFacts kAll{.session_id = "abc",
                        .authorization = "Bearer x",
                        .client = "10.0.0.1",
                        .model = "m",
                        .body = R"({"messages":[{"role":"user","content":"hi"}]})"};

config::StickySessions with(std::vector<StickyKeySource> sources) {
  config::StickySessions rules;
  rules.key_sources = std::move(sources);
  return rules;
}

constexpr auto kEvery = {StickyKeySource::kSessionHeader, StickyKeySource::kPrefixHash,
                         StickyKeySource::kAuthHeader, StickyKeySource::kIp};

TEST(SessionKeyTest, TakesTheFirstSourceThatTheRequestHas) {
  const config::StickySessions rules = with(kEvery);
  SessionFacts facts = kAll;
  std::string order;
  for (int i = 0; i < 4; ++i) {
    const auto key = session_key(rules, facts);
    ASSERT_TRUE(key);
    order.append(to_string(key->source)).append(" ");
    if (i == 0) facts.session_id = {};
    if (i == 1) facts.body = {};
    if (i == 2) facts.authorization = {};
  }
  EXPECT_EQ(order, "session_header prefix_hash auth_header ip ");
  facts.client = {};
  EXPECT_FALSE(session_key(rules, facts));
  EXPECT_FALSE(session_key(with({}), kAll));
  EXPECT_EQ(
      session_key(with({StickyKeySource::kIp, StickyKeySource::kSessionHeader}), kAll)->source,
      StickyKeySource::kIp);
}

TEST(SessionKeyTest, DiffersBySourceAndByModel) {
  for (const StickyKeySource source : kEvery) {
    SCOPED_TRACE(to_string(source));
    const auto key = session_key(with({source}), kAll);
    ASSERT_TRUE(key);
    EXPECT_EQ(session_key(with({source}), kAll)->hash, key->hash);
    SessionFacts other = kAll;
    other.model = "n";
    EXPECT_NE(session_key(with({source}), other)->hash, key->hash);
  }
  SessionFacts same = kAll;
  same.session_id = same.authorization = "x";
  EXPECT_NE(session_key(with({StickyKeySource::kSessionHeader}), same)->hash,
            session_key(with({StickyKeySource::kAuthHeader}), same)->hash);
}

TEST(SessionKeyTest, AnIdThatIsTooLongIsNone) {
  SessionFacts facts = kAll;
  std::string id(kSessionIdBytesMax, 'x');
  facts.session_id = id;
  EXPECT_TRUE(session_key(with({StickyKeySource::kSessionHeader}), facts));
  id += 'x';
  facts.session_id = id;
  EXPECT_FALSE(session_key(with({StickyKeySource::kSessionHeader}), facts));
}

}  // namespace
}  // namespace olla::routing
