#pragma once

#include <string>
#include <string_view>

namespace olla::config {

/// What is known about one kind of inference server.
struct EndpointType {
  std::string_view name;              ///< Canonical; what Endpoint::type holds.
  std::string_view aliases;           ///< Other spellings, each between spaces.
  std::string_view health_check_url;  ///< Default path.
  std::string_view model_url;         ///< Default path.
};

/// The type of that name or other spelling, or nullptr. Lives as long as the program.
const EndpointType* endpoint_type(std::string_view name);

/// The canonical names with commas between them, for messages.
std::string endpoint_type_names();

}  // namespace olla::config
