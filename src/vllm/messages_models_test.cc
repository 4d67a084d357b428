#include "vllm/messages_models.h"

#include <gtest/gtest.h>

#include <vector>

namespace olla::vllm {
namespace {

std::vector<FleetModel> four() {
  std::vector<FleetModel> models;
  for (const char* id : {"a", "b", "c", "d"})
    models.push_back({.entry = {.id = id}, .created = 1'700'000'000});
  return models;
}

TEST(MessagesModelsTest, ListsModelsAsAnthropicDoes) {
  const std::vector<FleetModel> models = {{.entry = {.id = "a\"b/c"}, .created = 1'700'000'000}};
  EXPECT_EQ(messages_models_document(models, {}),
            R"({"data":[{"type":"model","id":"a\"b/c","display_name":"a\"b/c",)"
            R"("created_at":"2023-11-14T22:13:20Z"}],"has_more":false,)"
            R"("first_id":"a\"b/c","last_id":"a\"b/c"})");
  EXPECT_EQ(messages_models_document({}, {}),
            R"({"data":[],"has_more":false,"first_id":null,"last_id":null})");
}

TEST(MessagesModelsTest, APageIsBoundedByIdsAndALimit) {
  const struct {
    ModelsPage page;
    const char* first;
    const char* last;
    bool more;
  } cases[] = {
      {{}, "a", "d", false},
      {{.limit = 4}, "a", "d", false},
      {{.limit = 3}, "a", "c", true},
      {{.after_id = "b"}, "c", "d", false},
      {{.limit = 1, .after_id = "b"}, "c", "c", true},
      {{.before_id = "d"}, "a", "c", false},
      {{.limit = 2, .before_id = "d"}, "b", "c", true},
      {{.limit = 1, .after_id = "a", .before_id = "d"}, "c", "c", true},
      {{.after_id = "gone"}, "a", "d", false},
      {{.before_id = "gone"}, "a", "d", false},
      {{.after_id = "d"}, nullptr, nullptr, false},
      {{.after_id = "c", .before_id = "b"}, "d", "d", false},
  };
  const std::vector<FleetModel> models = four();
  for (const auto& c : cases) {
    const auto id = [](const char* text) {
      return text == nullptr ? std::string("null") : "\"" + std::string(text) + "\"";
    };
    const std::string end = std::string("],\"has_more\":") + (c.more ? "true" : "false") +
                            ",\"first_id\":" + id(c.first) + ",\"last_id\":" + id(c.last) + "}";
    const std::string document = messages_models_document(models, c.page);
    EXPECT_TRUE(document.ends_with(end)) << document << " does not end with " << end;
  }
}

TEST(MessagesModelsTest, ALimitIsANumberFrom1To1000) {
  EXPECT_FALSE(models_page_of(std::nullopt, {}, {})->limit);
  EXPECT_EQ(models_page_of("1", {}, {})->limit, 1u);
  EXPECT_EQ(models_page_of("1000", "x", {})->after_id, "x");
  for (const char* bad : {"", "0", "1001", "-1", "+1", "1x", " 1", "99999999999999999999"})
    EXPECT_FALSE(models_page_of(bad, {}, {})) << bad;
}

}  // namespace
}  // namespace olla::vllm
