#include "admin/internal.h"

#include <string>
#include <string_view>

#include "admin/endpoint_commands.h"
#include "admin/version_document.h"
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

constexpr std::string_view kRead = "GET, HEAD";

constexpr Page kPages[] = {
    {"/internal/endpoints/", "POST", answer_endpoint_command},
    {"/internal/health", kRead, health},
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
