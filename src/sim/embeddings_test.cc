#include "sim/embeddings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace olla::sim {
namespace {

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(EmbedTest, GivesUnitVectorsOfTheWantedLength) {
  for (const std::size_t dimensions : {32U, 64U, 128U, 256U}) {
    const auto vector = embed({500, 600, 700}, dimensions);
    EXPECT_EQ(vector.size(), dimensions);
    EXPECT_NEAR(dot(vector, vector), 1.0, 1e-5);
  }
}

TEST(EmbedTest, GivesEqualTextsEqualVectorsAndOthersOthers) {
  EXPECT_EQ(embed({500, 600}, 256), embed({500, 600}, 256));
  EXPECT_NE(embed({500, 600}, 256), embed({600, 500}, 256));
  EXPECT_LT(std::abs(dot(embed({500}, 256), embed({600}, 256))), 0.4);
}

TEST(EmbedTest, BringsTextsThatShareWordsCloser) {
  const Tokenizer tokenizer;
  const auto vector = [&](std::string_view text) { return embed(tokenizer.tokenize(text), 256); };
  const auto cache = vector("the cache is warm and ready");
  EXPECT_GT(dot(cache, vector("the cache is cold and ready")), 0.7);
  EXPECT_LT(dot(cache, vector("Paris has seven old bridges")), 0.4);
}

TEST(Base64Test, EncodesTheVectorsOfTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFB\xFF"), "+/8=");
}

}  // namespace
}  // namespace olla::sim
