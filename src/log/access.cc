#include "log/access.h"

namespace olla::log {

AccessFields access_fields(const AccessEntry& entry) {
  AccessFields fields;
  const auto add = [&](std::string_view name, decltype(Field::value) value) {
    fields.push_back(Field{name, value});
  };
  add("request_id", std::string_view(entry.request_id));
  add("client", entry.client);
  add("method", entry.method);
  add("path", entry.path);
  if (entry.model) add("model", std::string_view(*entry.model));
  if (!entry.endpoint.empty()) add("endpoint", std::string_view(entry.endpoint));
  add("status", std::int64_t{entry.status});
  add("bytes", static_cast<std::int64_t>(entry.bytes));
  if (entry.ttfb_ms) add("ttfb_ms", *entry.ttfb_ms);
  add("duration_ms", entry.duration_ms);
  if (entry.tries > 1) add("tries", std::int64_t{entry.tries});
  if (entry.queued_ms) add("queued_ms", *entry.queued_ms);
  if (entry.usage) {
    add("prompt_tokens", static_cast<std::int64_t>(entry.usage->prompt_tokens));
    add("completion_tokens", static_cast<std::int64_t>(entry.usage->completion_tokens));
  }
  if (!entry.error.empty()) add("error", entry.error);
  return fields;
}

bool went_wrong(const AccessEntry& entry) {
  return entry.status >= 400 || !entry.error.empty();
}

void write_access(Logger& logger, const AccessEntry& entry) {
  const AccessFields fields = access_fields(entry);
  const bool failed = entry.status >= 500 || !entry.error.empty();
  logger.write(failed ? config::LogLevel::kWarn : config::LogLevel::kInfo, "request",
               {fields.data(), fields.size()});
}

}  // namespace olla::log
