#pragma once

#include <string>
#include <string_view>

namespace olla::sim {

/// A path that the server answers.
struct Route {
  std::string_view path;
  std::string_view allow;  ///< Methods, as the allow header lists them.
};

/// The route of a decoded path, or nullptr.
const Route* find_route(std::string_view path);

bool allows(const Route& route, std::string_view method);

/// The path of a request target, percent-decoded: an encoded letter finds its route too.
std::string decoded_path(std::string_view target);

}  // namespace olla::sim
