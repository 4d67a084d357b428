#include "proxy/metrics_pages.h"

#include <vector>

#include "http/gzip.h"
#include "vllm/exposition.h"

namespace olla::proxy {
namespace {

std::string exposition_of(const fleet::Snapshot& snapshot, std::string_view endpoint,
                          TimePoint now) {
  std::vector<vllm::EndpointMetrics> parts;
  for (const fleet::EndpointView& view : snapshot.endpoints) {
    const std::string& name = view.endpoint->config.name;
    if (!view.is_vllm() || (!endpoint.empty() && endpoint != name)) continue;
    vllm::EndpointMetrics& part = parts.emplace_back();
    part.endpoint = name;
    if (!view.figures) continue;
    part.scrape_age_seconds = std::chrono::duration<double>(now - view.figures->read_at).count();
    // What an endpoint said before it went down is no news of it any more; how old it is, is.
    if (view.health != fleet::Health::kHealthy) continue;
    part.text = view.figures->text;
    part.state = &view.figures->state;
    part.gpu_text = view.figures->gpu_text;
  }
  return vllm::fleet_exposition(parts);
}

}  // namespace

std::shared_ptr<const std::string> MetricsPages::page(const fleet::Snapshot& snapshot,
                                                      const std::string& endpoint, bool zipped,
                                                      TimePoint now) {
  std::erase_if(pages_, [now](const auto& entry) { return now - entry.second.made >= kFresh; });
  const auto found = pages_.find({endpoint, zipped});
  if (found != pages_.end()) return found->second.text;
  std::string text = exposition_of(snapshot, endpoint, now);
  if (zipped) text = http::gzip(text);
  Page page{now, std::make_shared<const std::string>(std::move(text))};
  return pages_.insert_or_assign({endpoint, zipped}, std::move(page)).first->second.text;
}

}  // namespace olla::proxy
