#include "sim/dialect.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

TEST(DialectTest, GoesByMajorAndMinorNumber) {
  EXPECT_EQ(dialect_of("0.11.0"), Dialect::kOld);
  EXPECT_EQ(dialect_of("0.11.0.post2"), Dialect::kOld);
  EXPECT_EQ(dialect_of("0.9"), Dialect::kOld);
  EXPECT_EQ(dialect_of("0.12.0"), Dialect::kNew);
  EXPECT_EQ(dialect_of("0.32.0"), Dialect::kNew);
  EXPECT_EQ(dialect_of("1.2.0"), Dialect::kNew);
}

TEST(DialectTest, TakesWhatIsNoVersionForNew) {
  for (const char* text : {"", "0", "0.", "dev", ".11", "99999999999.1"}) {
    EXPECT_EQ(dialect_of(text), Dialect::kNew) << text;
  }
}

}  // namespace
}  // namespace olla::sim
