#include "vllm/models_document.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

#include "openai/request.h"
#include "vllm/errors.h"

namespace olla::vllm {
namespace {

// Names in one error message; a fleet may serve thousands of adapters.
constexpr std::size_t kNamesMax = 100;

std::string quoted_or_null(const std::optional<std::string>& text) {
  return text ? openai::json_quoted(*text) : "null";
}

std::string number_or_null(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "null";
}

// The smaller one; a server that does not tell does not count.
std::optional<std::int64_t> smaller(const std::optional<std::int64_t>& one,
                                    const std::optional<std::int64_t>& other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

void add_to(FleetModel& model, const ModelEntry& entry, std::string_view endpoint) {
  model.entry.max_model_len = smaller(model.entry.max_model_len, entry.max_model_len);
  model.lengths.push_back({std::string(endpoint), entry.max_model_len});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_alike(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

std::vector<FleetModel> union_of_models(std::span<const EndpointModels> endpoints,
                                        const FirstSeen& first_seen) {
  std::vector<FleetModel> models;
  std::map<std::string_view, std::size_t> index;
  for (const EndpointModels& endpoint : endpoints) {
    for (const ModelEntry& entry : endpoint.models) {
      const auto [place, is_new] = index.emplace(entry.id, models.size());
      if (is_new) {
        const FirstSeen& known = endpoint.first_seen ? *endpoint.first_seen : first_seen;
        const auto seen = known.find(entry.id);
        models.push_back({.entry = entry, .created = seen == known.end() ? 0 : seen->second});
      }
      add_to(models[place->second], entry, endpoint.endpoint);
    }
  }
  for (FleetModel& model : models) {
    const bool agree = std::all_of(
        model.lengths.begin(), model.lengths.end(),
        [&model](const auto& each) { return each.max_model_len == model.entry.max_model_len; });
    if (agree) model.lengths.clear();
  }
  std::sort(models.begin(), models.end(), [](const FleetModel& one, const FleetModel& other) {
    const auto key = [](const FleetModel& model) {
      return std::make_tuple(model.created, model.entry.parent.has_value(),
                             std::string_view(model.entry.id));
    };
    return key(one) < key(other);
  });
  return models;
}

std::string model_document(const FleetModel& model) {
  const ModelEntry& entry = model.entry;
  std::string out = R"({"id":)" + openai::json_quoted(entry.id);
  out += R"(,"object":"model","created":)" + std::to_string(model.created);
  out += R"(,"owned_by":)" + openai::json_quoted(entry.owned_by.empty() ? "olla" : entry.owned_by);
  out += R"(,"root":)" + quoted_or_null(entry.root);
  out += R"(,"parent":)" + quoted_or_null(entry.parent);
  out += R"(,"max_model_len":)" + number_or_null(entry.max_model_len);
  out += R"(,"permission":)" + entry.permission;
  if (!model.lengths.empty()) {
    out += R"(,"olla":{"endpoints":[)";
    for (const FleetModel::Length& length : model.lengths) {
      if (&length != &model.lengths.front()) out += ',';
      out += R"({"name":)" + openai::json_quoted(length.endpoint);
      out += R"(,"max_model_len":)" + number_or_null(length.max_model_len) + '}';
    }
    out += "]}";
  }
  out += '}';
  return out;
}

std::string models_document(std::span<const FleetModel> models) {
  std::string out = R"({"object":"list","data":[)";
  for (const FleetModel& model : models) {
    if (&model != &models.front()) out += ',';
    out += model_document(model);
  }
  out += "]}";
  return out;
}

std::optional<std::string> model_id_of_path(std::string_view segment) {
  std::string id;
  id.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%') {
      if (segment.size() - i < 3) return std::nullopt;
      const int high = hex_digit(segment[i + 1]);
      const int low = hex_digit(segment[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    id += c;
  }
  if (id.empty()) return std::nullopt;
  return id;
}

std::optional<std::string_view> served_name(std::string_view asked,
                                            std::span<const std::string> served) {
  const auto exact = std::find(served.begin(), served.end(), asked);
  if (exact != served.end()) return *exact;
  const auto alike = std::find_if(served.begin(), served.end(), [asked](const std::string& name) {
    return is_alike(name, asked);
  });
  if (alike != served.end()) return *alike;
  return std::nullopt;
}

const FleetModel* served_model(std::string_view asked, std::span<const FleetModel> models) {
  const FleetModel* alike = nullptr;
  for (const FleetModel& model : models) {
    if (model.entry.id == asked) return &model;
    if (alike == nullptr && is_alike(model.entry.id, asked)) alike = &model;
  }
  return alike;
}

std::string unknown_model_error(std::string_view asked, std::span<const std::string> served,
                                ErrorShape shape, std::optional<std::string_view> code_word) {
  std::string message = "The model `";
  message += shortened(asked);
  message += "` does not exist.";
  if (!served.empty()) message += " Valid aliases: ";
  for (std::size_t i = 0; i < std::min(served.size(), kNamesMax); ++i) {
    if (i > 0) message += ", ";
    message += served[i];
  }
  if (served.size() > kNamesMax) message += ", ...";
  if (!served.empty() && served.size() <= kNamesMax) message += '.';
  return error_body({.message = message,
                     .type = "NotFoundError",
                     .param = "model",
                     .status = 404,
                     .code_word = code_word},
                    shape);
}

}  // namespace olla::vllm
