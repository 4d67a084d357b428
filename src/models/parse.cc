#include "models/parse.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "openai/members.h"
#include "openai/request.h"

namespace olla::models {
namespace {

using config::ModelListFormat;
using Json = nlohmann::json;

std::string text_member(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_string()) return {};
  return member->get<std::string>();
}

std::optional<std::string> known_text(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

/// A whole number that is more than 0.
std::optional<std::int64_t> count_member(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number_integer()) return std::nullopt;
  const auto value = member->get<std::int64_t>();
  return value > 0 ? std::optional(value) : std::nullopt;
}

const Json& object_member(const Json& object, const char* key) {
  static const Json empty = Json::object();
  const auto member = object.find(key);
  return member != object.end() && member->is_object() ? *member : empty;
}

void append_texts(const Json& object, const char* key, std::vector<std::string>& out) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_array()) return;
  for (const Json& text : *member) {
    if (text.is_string()) out.push_back(text.get<std::string>());
  }
}

/// What servers with OpenAI's list add to it. No two of them mean different things by one name.
void read_openai(const Json& model, ModelEntry& entry) {
  entry.root = known_text(model, "root");
  entry.parent = known_text(model, "parent");
  const auto permission = model.find("permission");
  if (permission != model.end() && permission->is_array())
    entry.permission = permission->dump(-1, ' ', false, Json::error_handler_t::replace);
  const Json& meta = object_member(model, "meta");  // Of llama.cpp.
  for (const char* key :
       {"max_model_len", "max_context_length", "context_length", "context_window"})
    if (!entry.max_model_len) entry.max_model_len = count_member(model, key);
  if (!entry.max_model_len) entry.max_model_len = count_member(meta, "n_ctx_train");
  entry.details.parameters = count_member(meta, "n_params");
  entry.details.size = count_member(meta, "size");
}

void read_ollama(const Json& model, ModelEntry& entry) {
  const Json& told = object_member(model, "details");
  Details& details = entry.details;
  details.family = text_member(told, "family");
  details.parameter_size = text_member(told, "parameter_size");
  details.quantization = text_member(told, "quantization_level");
  details.file_format = text_member(told, "format");
  details.digest = text_member(model, "digest");
  details.modified_at = text_member(model, "modified_at");
  details.size = count_member(model, "size");
  append_texts(model, "capabilities", details.capabilities);
}

void read_lm_studio(const Json& model, ModelEntry& entry) {
  Details& details = entry.details;
  details.type = text_member(model, "type");
  details.publisher = text_member(model, "publisher");
  details.family = text_member(model, "arch");
  details.quantization = text_member(model, "quantization");
  details.file_format = text_member(model, "compatibility_type");
  details.state = text_member(model, "state");
  entry.max_model_len = count_member(model, "max_context_length");
  append_texts(model, "capabilities", details.capabilities);
}

void read_lemonade(const Json& model, ModelEntry& entry) {
  read_openai(model, entry);
  entry.details.checkpoint = text_member(model, "checkpoint");
  entry.details.recipe = text_member(model, "recipe");
  append_texts(model, "labels", entry.details.capabilities);
}

ModelEntry entry_of(ModelListFormat format, const Json& model) {
  ModelEntry entry;
  entry.id = text_member(model, format == ModelListFormat::kOllama ? "name" : "id");
  if (entry.id.empty() && format == ModelListFormat::kOllama)
    entry.id = text_member(model, "model");
  entry.owned_by = text_member(model, "owned_by");
  switch (format) {
    case ModelListFormat::kOpenAi:
      read_openai(model, entry);
      break;
    case ModelListFormat::kOllama:
      read_ollama(model, entry);
      break;
    case ModelListFormat::kLmStudio:
      read_lm_studio(model, entry);
      break;
    case ModelListFormat::kLemonade:
      read_lemonade(model, entry);
      break;
  }
  return entry;
}

/// The text of the list in the document; empty when it has none.
std::optional<std::string_view> list_in(std::string_view json, std::string_view key) {
  std::optional<std::string_view> list;
  bool error = false;
  openai::MemberScanner members(json);
  openai::Member member;
  while (members.next(member)) {
    if (openai::key_is(member.key, key)) list = member.value;
    error = error || openai::key_is(member.key, "error");
  }
  if (members.malformed() || (error && !list)) return std::nullopt;
  if (!list || *list == "null") return "";  // Servers in Go have null for an empty list.
  if (!list->starts_with('[')) return std::nullopt;
  return list;
}

}  // namespace

std::optional<std::vector<ModelEntry>> parse_list(ModelListFormat format, std::string_view json) {
  const auto list = list_in(json, format == ModelListFormat::kOllama ? "models" : "data");
  if (!list) return std::nullopt;
  std::vector<ModelEntry> entries;
  if (list->empty()) return entries;
  std::set<std::string, std::less<>> known;
  // One entry after the other: the whole document as a tree would take twenty times its size.
  openai::ElementScanner elements(*list);
  std::string_view element;
  while (elements.next(element) && entries.size() < kEntriesMax) {
    if (element.size() > kEntryBytesMax) continue;
    const Json model = Json::parse(element, nullptr, /*allow_exceptions=*/false);
    if (model.is_discarded()) return std::nullopt;
    if (!model.is_object()) continue;
    ModelEntry entry = entry_of(format, model);
    if (entry.id.empty() || entry.id.size() > kIdBytesMax || !known.insert(entry.id).second)
      continue;
    entries.push_back(std::move(entry));
  }
  if (elements.malformed()) return std::nullopt;
  return entries;
}

}  // namespace olla::models
