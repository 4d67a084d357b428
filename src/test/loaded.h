#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/load.h"

namespace olla::test {

/// Names and values: of environment variables, or of files and what they hold.
using Texts = std::map<std::string, std::string>;

/// Loads YAML with nothing but these variables and files.
inline config::Loaded load_with(const std::string& yaml, const Texts& variables = {},
                                const Texts& files = {}) {
  return config::load(
      yaml,
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      },
      [&](const std::string& path) -> Result<std::string> {
        const auto found = files.find(path);
        if (found != files.end()) return found->second;
        return Error{Errc::kMalformed, Side::kGateway, "cannot be opened: no such file"};
      });
}

inline std::vector<std::string> texts(const std::vector<config::Problem>& problems) {
  std::vector<std::string> out;
  out.reserve(problems.size());
  for (const config::Problem& problem : problems)
    out.push_back(to_text(problem, "f"));
  return out;
}

/// A file of one endpoint; `lines` are more keys of it and begin on line 4.
inline std::string endpoint_with(const std::string& lines) {
  std::string yaml = "endpoints:\n  - url: http://h:8000\n    type: vllm\n    ";
  for (const char c : lines) {
    yaml += c;
    if (c == '\n') yaml += "    ";
  }
  return yaml + "\n";
}

inline config::Endpoint only_endpoint(const config::Loaded& loaded) {
  EXPECT_THAT(texts(loaded.errors), testing::IsEmpty());
  EXPECT_EQ(loaded.config.endpoints.size(), 1u);
  return loaded.config.endpoints.empty() ? config::Endpoint() : loaded.config.endpoints[0];
}

struct ErrorCase {
  std::string yaml;
  std::string expected;  ///< The start of the only error.
};

inline void expect_errors(const std::vector<ErrorCase>& cases) {
  for (const auto& [yaml, expected] : cases) {
    SCOPED_TRACE(yaml);
    EXPECT_THAT(texts(load_with(yaml).errors), testing::ElementsAre(testing::StartsWith(expected)));
  }
}

}  // namespace olla::test
