#include "vllm/meaning.h"

#include "vllm/routes.h"

namespace olla::vllm {
namespace {

// All of these answers are under 250 bytes.
constexpr std::uint64_t kAnswerBytesMax = 4096;

// From then on a server has only the routes that its model can serve (recorded: 0.11.0 has all,
// 0.32.0 has its own; the releases between were not looked at).
constexpr Version kOwnRoutesSince = {.minor = 12};

constexpr std::string_view kDrainingWords = "cannot schedule new futures after shutdown";
constexpr std::string_view kNoSuchRoute = R"({"detail":"Not Found"})";
constexpr std::string_view kOldErrorStart = R"({"error":{"message":"The model does not support )";
constexpr std::string_view kOldErrorWord = R"( API","type":"BadRequestError")";

bool contains(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

}  // namespace

bool may_mean_more(int status, std::string_view path, std::uint64_t content_length,
                   const Version& version) {
  if (content_length > kAnswerBytesMax || route_kind(path) != RouteKind::kInference) return false;
  if (status == 200 || status == 400) return !version.is_at_least(kOwnRoutesSince);
  return status == 404 || status == 500 || status == 503;
}

Meaning meaning_of(int status, std::string_view body) {
  switch (status) {
    case 503:
      return Meaning::kBusy;
    case 500:
      return contains(body, kDrainingWords) ? Meaning::kDraining : Meaning::kAnswer;
    case 404:
      return body == kNoSuchRoute ? Meaning::kNoSuchRoute : Meaning::kAnswer;
    default:
      return body.starts_with(kOldErrorStart) && contains(body, kOldErrorWord)
                 ? Meaning::kNoSuchRoute
                 : Meaning::kAnswer;
  }
}

}  // namespace olla::vllm
