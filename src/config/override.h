#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/environment.h"
#include "config/problem.h"

namespace olla::config {

/// An environment variable that stands for a key of the file and wins over it.
struct Override {
  /// How the variable's text becomes the value of the key.
  enum class Form : std::uint8_t {
    kText,       ///< As it is; lists have commas between their items.
    kMegabytes,  ///< A number without a unit.
    kToFile,     ///< True: "file", of logging.output.
    kForPeople,  ///< True: "text", of logging.format.
  };

  std::string_view variable;
  std::string_view path;  ///< Of the key.
  Form form = Form::kText;
};

/// Every one. Of two for one key the later wins.
std::span<const Override> overrides();

/// An environment variable of Olla's that has no effect here.
struct IgnoredVariable {
  std::string_view variable;
  std::string_view silent;  ///< Values that ask for nothing and cost no warning, as in a Key.
  std::string_view reason;
};
std::span<const IgnoredVariable> ignored_variables();

/// Whether `text` is one of the words for true or for false that Go's programs take from variables,
/// which are more than YAML has; nullopt when it is neither.
std::optional<bool> truth(std::string_view text);

/// `document` with the values of the variables that are set and not empty. They are checked later,
/// with those of the file. Warns of those that are ignored, and reports those of which no value can
/// be made. `document` must not be null; one that is no mapping is left as it is.
///
/// One of the name of a key's that Kubernetes sets for a Service is none, with a warning.
ValuePtr with_overrides(const ValuePtr& document, const Environment& env, Problems& problems);

/// A warning for each of the variables `set` that nobody asked for and that neither this program
/// nor Kubernetes knows.
std::vector<Problem> unknown_variables(const std::vector<std::string>& set,
                                       const std::set<std::string>& asked, const Environment& env);

}  // namespace olla::config
