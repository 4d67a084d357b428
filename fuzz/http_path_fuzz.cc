#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/path.h"

// Decoding only shortens, and a parameter that was taken out is gone.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view target(reinterpret_cast<const char*>(data), size);
  const std::string path = olla::http::plain_path(target);
  OLLA_CHECK(path.size() <= target.size());
  if (path.find("..") == std::string::npos) OLLA_CHECK(!olla::http::has_parent_segment(path));
  const std::string without = olla::http::without_query_parameter(target, "endpoint");
  OLLA_CHECK(!olla::http::query_parameter(without, "endpoint"));
  OLLA_CHECK(olla::http::plain_path(without) == path);
  OLLA_CHECK(without.size() <= target.size());
  return 0;
}
