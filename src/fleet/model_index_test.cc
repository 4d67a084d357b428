#include "fleet/model_index.h"

#include <gtest/gtest.h>

namespace olla::fleet {
namespace {

std::shared_ptr<const Listing> listing(std::vector<std::string> ids) {
  auto made = std::make_shared<Listing>();
  made->ids = std::move(ids);
  return made;
}

std::vector<std::uint32_t> found(const ModelIndex& index, std::string_view model) {
  const auto endpoints = index.endpoints_with(model);
  return {endpoints.begin(), endpoints.end()};
}

TEST(ModelIndexTest, KnowsWhoListsAModel) {
  const ModelIndex index({listing({"a", "b"}), nullptr, listing({}), listing({"b", "b"})});
  EXPECT_EQ(found(index, "a"), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(found(index, "b"), (std::vector<std::uint32_t>{0, 3}));
  EXPECT_TRUE(found(index, "B").empty());
  EXPECT_TRUE(found(index, "").empty());
  EXPECT_TRUE(found(ModelIndex({}), "a").empty());
}

TEST(ModelIndexTest, KnowsNamesThatDifferInTheCaseOfLetters) {
  const ModelIndex index({listing({"Org/Model-7B", "org/model-7b"}), listing({"z[", "\xc3\x84"})});
  EXPECT_TRUE(index.has_spelling("Org/Model-7B"));
  EXPECT_TRUE(index.has_spelling("ORG/MODEL-7b"));
  EXPECT_TRUE(index.has_spelling("Z["));
  EXPECT_FALSE(index.has_spelling("z{"));  // Not a letter, though 32 apart too.
  EXPECT_FALSE(index.has_spelling("\xc3\xa4"));
  EXPECT_FALSE(index.has_spelling("org/model-7"));
  EXPECT_FALSE(index.has_spelling(""));
  EXPECT_FALSE(ModelIndex({}).has_spelling("a"));
}

}  // namespace
}  // namespace olla::fleet
