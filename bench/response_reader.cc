#include "bench/response_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace olla::bench {
namespace {

// No event holds it, since a line break inside of JSON is written as \n.
constexpr std::string_view kEndOfChunks = "\r\n0\r\n\r\n";

}  // namespace

ResponseReader::State ResponseReader::feed(std::string_view bytes, std::int64_t now,
                                           Latencies& delays) {
  if (status_ != 0) return feed_body(bytes, now, delays);
  head_.append(bytes);
  const std::size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) return State::kMore;
  const std::string body = head_.substr(end + 4);
  head_.resize(end + 2);
  read_head(head_);
  return feed_body(body, now, delays);
}

void ResponseReader::read_head(std::string_view head) {
  const std::size_t status = head.find(' ') + 1;
  std::from_chars(head.data() + status, head.data() + head.size(), status_);
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    std::string line(head.substr(at + 2, head.find("\r\n", at + 2) - at - 2));
    std::transform(line.begin(), line.end(), line.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (line.starts_with("content-length: ")) {
      std::from_chars(line.data() + 16, line.data() + line.size(), body_left_);
    } else if (line == "transfer-encoding: chunked") {
      chunked_ = true;
    } else if (line == "connection: close") {
      closes_ = true;
    }
  }
}

ResponseReader::State ResponseReader::feed_body(std::string_view bytes, std::int64_t now,
                                                Latencies& delays) {
  if (!chunked_) {
    body_left_ -= std::min<std::uint64_t>(body_left_, bytes.size());
    return body_left_ == 0 ? State::kWhole : State::kMore;
  }
  sent_times_.feed(bytes);
  while (const auto sent = sent_times_.next())
    delays.add(now - *sent);
  return sent_times_.rest().ends_with(kEndOfChunks) ? State::kWhole : State::kMore;
}

void ResponseReader::reset() {
  head_.clear();
  status_ = 0;
  closes_ = false;
  chunked_ = false;
  body_left_ = 0;
  sent_times_.reset();
}

}  // namespace olla::bench
