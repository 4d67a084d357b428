#include "admin/internal.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "admin/endpoint_commands.h"
#include "admin/metrics_page.h"
#include "admin/models_pages.h"
#include "admin/picture.h"
#include "admin/process_document.h"
#include "admin/stats_documents.h"
#include "admin/status_documents.h"
#include "admin/sticky_document.h"
#include "admin/version_document.h"
#include "http/gzip.h"
#include "net/background.h"
#include "proxy/answer.h"

namespace olla::admin {
namespace {

using proxy::InternalRequest;
using proxy::OwnAnswer;
using proxy::Services;
using Answer = net::Awaitable<OwnAnswer>;

/// One path of ours. A path that ends in '/' stands for everything below it.
struct Page {
  std::string_view path;
  std::string_view methods;  ///< As the Allow field lists them.
  /// Both arguments outlive the awaitable.
  Answer (*answer)(Services& services, const InternalRequest& request);
};

/// Says that the gateway itself runs, whatever its endpoints do; the bytes are Olla's.
Answer health(Services& /*services*/, const InternalRequest& /*request*/) {
  OwnAnswer own{200, R"({"status":"healthy"})"};
  co_return own;
}

Answer version(Services& /*services*/, const InternalRequest& /*request*/) {
  OwnAnswer own = json_answer(version_document());
  co_return own;
}

/// Makes an answer on the background thread: of a large fleet it takes milliseconds, and the
/// streams of this thread shall not wait for them. What `make` refers to has to live that long.
Answer make_in_background(Services& services, std::function<OwnAnswer()> make) {
  const auto made = std::make_shared<OwnAnswer>();
  auto work = [made, make = std::move(make)]() -> std::shared_ptr<const std::string> {
    *made = make();
    return nullptr;
  };
  co_await net::run_on(services.background, services.io, std::move(work));
  co_return std::move(*made);
}

/// The present picture. On any thread: all that is read is shared or immutable.
Picture picture_of(const Services& services, std::shared_ptr<const fleet::Snapshot> snapshot) {
  limits::Violations& violations = services.shared.gate.violations;
  Scene scene;
  scene.config = &services.config;
  scene.snapshot = std::move(snapshot);
  scene.totals = services.shared.metrics.totals();
  scene.now = Moment::present();
  scene.started = services.shared.started;
  scene.refusals = {violations.rate(), violations.size(), violations.access(),
                    violations.limited_clients(scene.now.steady)};
  const proxy::QueueCounters& queue = services.shared.queue_counters;
  scene.waiting = {services.shared.queue.waiting(), queue.queued.load(std::memory_order_relaxed),
                   queue.timed_out.load(std::memory_order_relaxed),
                   queue.refused.load(std::memory_order_relaxed),
                   services.shared.retry_budget.refused()};
  scene.sticky = services.shared.sticky_sessions.report(scene.now.steady);
  return take_picture(std::move(scene));
}

/// Answers with a page of the present picture.
using PageOfPicture = OwnAnswer (*)(const Picture& picture, const http::RequestHead& head);

template <PageOfPicture page>
Answer from_picture(Services& services, const InternalRequest& request) {
  // The snapshot is this thread's to take, and the request lives until it is answered.
  auto make = [&services, &request, snapshot = services.snapshot] {
    return page(picture_of(services, snapshot), request.head);
  };
  OwnAnswer own = co_await make_in_background(services, std::move(make));
  co_return own;
}

OwnAnswer status(const Picture& picture, const http::RequestHead& head) {
  return conditional_answer(status_document(picture), head.fields);
}

OwnAnswer endpoints(const Picture& picture, const http::RequestHead& head) {
  return conditional_answer(endpoints_document(picture), head.fields);
}

OwnAnswer model_stats(const Picture& picture, const http::RequestHead& /*head*/) {
  return json_answer(model_stats_document(picture));
}

OwnAnswer translator_stats(const Picture& picture, const http::RequestHead& /*head*/) {
  return json_answer(translator_stats_document(picture));
}

OwnAnswer metrics(const Picture& picture, const http::RequestHead& head) {
  OwnAnswer own{200, metrics_page(picture)};
  own.content_type = "text/plain; version=0.0.4; charset=utf-8";
  own.extra_fields = "Vary: Accept-Encoding\r\n";
  if (http::accepts_gzip(head.fields)) {
    own.body = http::gzip(own.body);
    own.extra_fields += "Content-Encoding: gzip\r\n";
  }
  return own;
}

Answer process(Services& services, const InternalRequest& /*request*/) {
  auto make = [&services] {
    const std::uint32_t threads = services.config.server.threads;
    const std::uint64_t workers =
        threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
    return json_answer(
        process_document(present_figures(), Moment::present(), services.shared.started, workers));
  };
  OwnAnswer own = co_await make_in_background(services, std::move(make));
  co_return own;
}

Answer sticky(Services& services, const InternalRequest& /*request*/) {
  const auto report = services.shared.sticky_sessions.report(Clock::now());
  OwnAnswer own = json_answer(sticky_document(services.config.proxy.sticky_sessions, report));
  co_return own;
}

constexpr std::string_view kRead = "GET, HEAD";

constexpr Page kPages[] = {
    {"/internal/endpoints/", "POST", answer_endpoint_command},
    {"/internal/health", kRead, health},
    {"/internal/status", kRead, from_picture<status>},
    {"/internal/status/endpoints", kRead, from_picture<endpoints>},
    {"/internal/stats/models", kRead, from_picture<model_stats>},
    {"/internal/stats/translators", kRead, from_picture<translator_stats>},
    {"/internal/metrics", kRead, from_picture<metrics>},
    {"/internal/process", kRead, process},
    {"/internal/status/models", kRead, show_models_status},
    {"/internal/discovery/refresh", "POST", refresh_discovery},
    {"/olla/models", kRead, list_all_models},
    {"/olla/models/", kRead, show_model},
    {"/internal/stats/sticky", kRead, sticky},
    {"/version", kRead, version},
};

const Page* find_page(std::string_view path) {
  for (const Page& page : kPages) {
    if (page.path.ends_with('/') ? path.starts_with(page.path) : path == page.path) return &page;
  }
  return nullptr;
}

bool takes(const Page& page, std::string_view method) {
  http::ListWalker methods(page.methods);
  while (const auto one = methods.next()) {
    if (*one == method) return true;
  }
  return false;
}

OwnAnswer method_refused(const Page& page) {
  OwnAnswer refused = proxy::make_error(405, "method_not_allowed",
                                        "This path takes " + std::string(page.methods) + " alone.");
  refused.extra_fields = "Allow: " + std::string(page.methods) + "\r\n";
  return refused;
}

}  // namespace

net::Awaitable<std::optional<OwnAnswer>> answer_internal(Services& services,
                                                         InternalRequest request) {
  const Page* const page = find_page(request.path);
  if (page == nullptr) co_return std::nullopt;
  if (!takes(*page, request.head.method)) co_return method_refused(*page);
  OwnAnswer own = co_await page->answer(services, request);
  co_return own;
}

}  // namespace olla::admin
