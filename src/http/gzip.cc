#include "http/gzip.h"

#include <zlib.h>

#include <limits>
#include <memory>
#include <optional>

#include "base/check.h"

namespace olla::http {
namespace {

// zlib's way to ask for the gzip format with the largest window.
constexpr int kGzipWindowBits = 15 + 16;
constexpr int kMemoryLevel = 8;

/// Whether the weight in `parameters` (";q=0.5") is more than 0.
bool is_wanted(std::string_view parameters) {
  const std::size_t at = parameters.find("q=");
  return at == std::string_view::npos ||
         parameters.find_first_of("123456789", at) != std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::span<const Field> fields) {
  bool all_wanted = false;
  std::optional<bool> gzip_wanted;  // What is said of gzip itself goes before "*".
  for (const Field& field : fields) {
    if (!iequals(field.name, "accept-encoding")) continue;
    ListWalker list(field.value);
    while (const auto element = list.next()) {
      const std::size_t end = element->find_first_of("; \t");
      const std::string_view coding = element->substr(0, end);
      const bool wanted = is_wanted(end == std::string_view::npos ? "" : element->substr(end));
      if (coding == "*") {
        all_wanted = wanted;
      } else if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) {
        gzip_wanted = gzip_wanted.value_or(false) || wanted;
      }
    }
  }
  return gzip_wanted.value_or(all_wanted);
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  OLLA_CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                          Z_DEFAULT_STRATEGY) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, deflateEnd);
  OLLA_CHECK(text.size() <= std::numeric_limits<uInt>::max());
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  // zlib's interface is older than const, and has its own byte.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  OLLA_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  return out;
}

}  // namespace olla::http
