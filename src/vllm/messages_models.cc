#include "vllm/messages_models.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "openai/request.h"

namespace olla::vllm {
namespace {

/// RFC 3339, in UTC.
std::string date_text(std::int64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text.data(), size};
}

std::string id_or_null(std::span<const FleetModel> models, bool first) {
  if (models.empty()) return "null";
  return openai::json_quoted((first ? models.front() : models.back()).entry.id);
}

/// Where the model of that id stands, or the end.
std::size_t position_of(std::span<const FleetModel> models, std::string_view id) {
  const auto found = std::find_if(models.begin(), models.end(),
                                  [id](const FleetModel& model) { return model.entry.id == id; });
  return static_cast<std::size_t>(found - models.begin());
}

}  // namespace

std::optional<ModelsPage> models_page_of(const std::optional<std::string>& limit,
                                         std::optional<std::string> after_id,
                                         std::optional<std::string> before_id) {
  ModelsPage page;
  if (limit) {
    std::size_t number = 0;
    const char* end = limit->data() + limit->size();
    const auto read = std::from_chars(limit->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < 1 || number > kModelsPageMax)
      return std::nullopt;
    page.limit = number;
  }
  page.after_id = std::move(after_id);
  page.before_id = std::move(before_id);
  return page;
}

std::string messages_models_document(std::span<const FleetModel> models, const ModelsPage& page) {
  if (page.after_id) {
    const std::size_t at = position_of(models, *page.after_id);
    if (at < models.size()) models = models.subspan(at + 1);
  }
  if (page.before_id) models = models.first(position_of(models, *page.before_id));
  const std::size_t count = std::min(page.limit.value_or(models.size()), models.size());
  const std::span<const FleetModel> shown =
      page.before_id ? models.last(count) : models.first(count);
  std::string out = R"({"data":[)";
  for (const FleetModel& model : shown) {
    if (out.back() == '}') out += ',';
    out += messages_model_document(model);
  }
  out += R"(],"has_more":)";
  out += count < models.size() ? "true" : "false";
  out += R"(,"first_id":)" + id_or_null(shown, /*first=*/true);
  out += R"(,"last_id":)" + id_or_null(shown, /*first=*/false);
  return out + "}";
}

std::string messages_model_document(const FleetModel& model) {
  const std::string id = openai::json_quoted(model.entry.id);
  return R"({"type":"model","id":)" + id + R"(,"display_name":)" + id + R"(,"created_at":")" +
         date_text(model.created) + "\"}";
}

}  // namespace olla::vllm
