#include "proxy/outgoing.h"

#include <algorithm>
#include <charconv>

#include "config/url.h"
#include "http/forward.h"

namespace olla::proxy {
namespace {

constexpr std::size_t kModelHeaderBytesMax = 1024;

// Of a head whose memory is kept for the next: usual ones have 1 KB.
constexpr std::size_t kSpareBytesMax = 16 * 1024;

// To copy a short body behind the head costs less than to hand the kernel two pieces.
constexpr std::size_t kJoinedBytesMax = 2048;

// Below it stands count_tokens.
constexpr std::string_view kMessagesPath = "/v1/messages";

}  // namespace

std::vector<http::Field> fields_of(const std::vector<config::Header>& headers) {
  std::vector<http::Field> fields;
  fields.reserve(headers.size());
  for (const config::Header& header : headers)
    fields.push_back({header.name, header.value});
  return fields;
}

std::optional<std::string_view> model_for_header(const openai::RequestFacts& facts) {
  const std::optional<std::string>& model = facts.model;
  if (!model || model->empty() || model->size() > kModelHeaderBytesMax) return std::nullopt;
  if (!http::is_field_value(*model)) return std::nullopt;
  return *model;
}

std::string target_for(const Destination& destination, const fleet::EndpointView& view) {
  std::string target(destination.target);
  if (destination.provider.is_messages()) {
    target = view.profile->messages_path + destination.path.substr(kMessagesPath.size());
    const std::size_t query = destination.target.find('?');
    if (query != std::string_view::npos) target += destination.target.substr(query);
  }
  const config::Endpoint& endpoint = view.endpoint->config;
  // Only where there is a path: else a client's "//" would lose a slash.
  if (endpoint.preserve_path && endpoint.address.path.find_first_not_of('/') != std::string::npos)
    target = config::join_path(endpoint.address.path, target);
  return target;
}

void OutgoingRequest::make(const net::ServerConnection& client, const fleet::EndpointView& view,
                           const Parts& parts, std::string& spare) {
  const config::Endpoint& endpoint = view.endpoint->config;
  const std::string authority = endpoint.address.authority();
  const std::vector<http::Field> headers = fields_of(endpoint.headers);
  http::RequestForwarding forwarding;
  const std::string target = target_for(parts.destination, view);
  forwarding.target = target;
  forwarding.authority = authority;
  forwarding.client_address = client.client_address();
  forwarding.real_ip = parts.client_address;
  forwarding.model = parts.model;
  forwarding.request_id = parts.request_id;
  forwarding.endpoint_headers = headers;
  forwarding.forward_client_auth = endpoint.forward_client_auth;
  // Anthropic's clients send X-Api-Key; a vLLM with a key asks for a bearer token.
  forwarding.key_as_bearer = parts.destination.provider.is_messages() && view.is_vllm();
  forwarding.content_length = parts.body.size();
  forwarding.sets_x_request_id = view.is_vllm();
  forwarding.reads_answer = parts.reads_answer;
  // A body that was chunked is whole now, and its length known; only trailers need chunks.
  const bool trailers = !client.trailers().empty();
  if (client.head().framing != http::Framing::kNone) {
    forwarding.framing = trailers ? http::Framing::kChunked : http::Framing::kLength;
  }
  if (head_.capacity() < spare.capacity()) head_.swap(spare);
  head_.clear();
  tail_.clear();
  http::append_request_head(client.head(), forwarding, head_);
  if (trailers) {
    if (!parts.body.empty()) {
      std::array<char, 16> digits;
      const auto end =
          std::to_chars(digits.data(), digits.data() + digits.size(), parts.body.size(), 16).ptr;
      head_.append(digits.data(), end).append("\r\n");
      tail_.append("\r\n");
    }
    tail_.append("0\r\n");
    http::append_request_trailers(client.trailers(), client.head(), forwarding, tail_);
  }
  std::string_view body = parts.body;
  if (body.size() <= kJoinedBytesMax) {
    head_.append(body);
    body = {};
  }
  unsent_ = {head_, body, tail_};
}

net::Awaitable<Result<void>> OutgoingRequest::send(net::UpstreamConnection& upstream,
                                                   Duration limit) {
  const auto sent = co_await upstream.write(unsent_[0], unsent_[1], limit);
  if (!sent) co_return sent.error();
  const std::size_t from_head = std::min(*sent, unsent_[0].size());
  unsent_[0].remove_prefix(from_head);
  unsent_[1].remove_prefix(*sent - from_head);
  if (!unsent_[0].empty() || !unsent_[1].empty() || unsent_[2].empty()) co_return Result<void>();
  const auto tail_sent = co_await upstream.write(unsent_[2], std::string_view(), limit);
  if (!tail_sent) co_return tail_sent.error();
  unsent_[2].remove_prefix(*tail_sent);
  co_return Result<void>();
}

void OutgoingRequest::give_back(std::string& spare) {
  if (!unsent_[0].empty()) return;
  if (head_.capacity() <= kSpareBytesMax) spare.swap(head_);
  head_ = std::string();
}

bool OutgoingRequest::all_sent() const {
  return std::all_of(unsent_.begin(), unsent_.end(), [](auto part) { return part.empty(); });
}

}  // namespace olla::proxy
