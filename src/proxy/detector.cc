#include "proxy/detector.h"

#include <string>

#include "config/url.h"
#include "models/server_kind.h"

namespace olla::proxy {
namespace {

// As of a list of models, which is the largest of the answers.
constexpr std::size_t kMaxKindBytes = 10 * 1024 * 1024;

constexpr std::string_view kAgent = "olla-Discovery/v" OLLA_VERSION;

}  // namespace

net::Awaitable<Detector::Result> Detector::detect(EndpointId id, Target target, TimePoint end) {
  const config::Endpoint& config = fleet_.endpoint(id).config;
  std::string kind;
  for (const models::KindQuestion& question : models::kind_questions()) {
    target.url.path = config::join_path(config.address.path, question.path);
    const auto answer = co_await asker_.ask(config, target, kAgent, kMaxKindBytes, end);
    // A server that leaves one question without an answer has none to the others either.
    if (!answer) co_return Result::kSilent;
    if (answer->status != 200) continue;
    const std::string_view told = question.kind_of(answer->body);
    if (!told.empty()) {
      kind = told;
      break;
    }
    if (kind.empty() && models::is_openai_list(answer->body)) kind = "openai-compatible";
  }
  const config::Profile* profile = fleet_.profiles().of_type(kind);
  if (profile == nullptr) co_return Result::kUntold;
  if (fleet_.set_profile(id, *profile))
    logger_.info("endpoint is of type", {{"endpoint", config.name}, {"type", profile->name}});
  co_return Result::kFound;
}

}  // namespace olla::proxy
