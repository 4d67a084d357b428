#include "admin/sticky_document.h"

#include <gtest/gtest.h>

namespace olla::admin {
namespace {

TEST(StickyDocumentTest, HasTheMembersOfOllas) {
  config::StickySessions rules;
  EXPECT_EQ(sticky_document(rules, {}).dump(), R"({"enabled":false})");
  rules.enabled = true;
  rules.max_sessions = 3;
  const routing::StickySessions::Report report{
      .active = 2, .insertions = 13, .hits = 9, .misses = 14, .evictions = 11, .repins = 1};
  EXPECT_EQ(sticky_document(rules, report).dump(),
            R"({"enabled":true,"active_sessions":2,"insertions":13,"hits":9,"misses":14,)"
            R"("evictions":11,"repins":1,"max_sessions":3,"idle_ttl_seconds":600})");
}

}  // namespace
}  // namespace olla::admin
