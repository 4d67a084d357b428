#include "proxy/asker.h"

#include "config/url.h"

namespace olla::proxy {

Target target_of(const config::Endpoint& endpoint, const std::string& path_or_url) {
  if (!path_or_url.starts_with('/')) return {config::parse_url(path_or_url).value()};
  Target target{endpoint.address};
  target.url.path = path_or_url;
  return target;
}

Target health_check_of(const fleet::EndpointView& view) {
  const config::Endpoint& endpoint = view.endpoint->config;
  if (!endpoint.detects_type || !endpoint.default_health_check_url)
    return target_of(endpoint, endpoint.health_check_url);
  return target_of(endpoint,
                   config::join_path(endpoint.address.path, view.profile->health_check_path));
}

Target model_list_of(const fleet::EndpointView& view) {
  const config::Endpoint& endpoint = view.endpoint->config;
  if (!endpoint.detects_type || !endpoint.default_model_url)
    return target_of(endpoint, endpoint.model_url);
  return target_of(endpoint, config::join_path(endpoint.address.path, view.profile->models_path));
}

net::Awaitable<Result<void>> Asker::find(Target& target, TimePoint end) {
  Duration limit = end - Clock::now();
  // With addresses to fall back on, a silent name server must leave time to ask them.
  if (!target.addresses.empty()) limit /= 2;
  auto found = co_await resolver_.resolve(target.url.host, target.url.port, limit);
  if (found) {
    target.addresses = std::move(*found);
  } else if (target.addresses.empty()) {
    co_return found.error();
  }
  co_return Result<void>();
}

net::Awaitable<Result<void>> Asker::find_beside(const std::string& own_host,
                                                const std::vector<fleet::Address>& own,
                                                Target& target, TimePoint end) {
  if (target.url.host != own_host) {
    auto found = co_await find(target, end);
    co_return found;
  }
  target.addresses = own;
  for (fleet::Address& address : target.addresses)
    address.port = target.url.port;
  co_return Result<void>();
}

net::Awaitable<Result<net::FetchResponse>> Asker::ask(const config::Endpoint& endpoint,
                                                      const Target& target,
                                                      std::string_view user_agent,
                                                      std::size_t max_body_bytes, TimePoint end) {
  net::FetchRequest request;
  request.addresses = target.addresses;
  request.authority = target.url.authority();
  request.path = target.url.path;
  request.user_agent = user_agent;
  request.max_body_bytes = max_body_bytes;
  for (const config::Header& header : endpoint.headers)
    request.headers.emplace_back(header.name, header.value);
  request.limit = end - Clock::now();
  auto answer = co_await net::fetch(io_, deadlines_, std::move(request));
  co_return answer;
}

}  // namespace olla::proxy
