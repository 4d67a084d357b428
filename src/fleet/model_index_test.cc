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

}  // namespace
}  // namespace olla::fleet
