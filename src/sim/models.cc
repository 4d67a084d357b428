#include "sim/models.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/json_text.h"

namespace olla::sim {

std::string make_id(Dialect dialect, Random& ids) {
  std::string id = hex16(ids.next());
  if (dialect == Dialect::kOld) id += hex16(ids.next());
  return id;
}

Models::Models(std::vector<std::string> served, std::vector<Lora> loras, Dialect dialect)
    : served_(std::move(served)), loras_(std::move(loras)), dialect_(dialect) {
  OLLA_CHECK(!served_.empty());
}

const Lora* Models::find_lora(std::string_view name) const {
  const auto at = std::find_if(loras_.begin(), loras_.end(),
                               [name](const Lora& lora) { return lora.name == name; });
  return at == loras_.end() ? nullptr : &*at;
}

bool Models::load(Lora lora, bool again) {
  if (find_lora(lora.name) != nullptr) {
    if (!again) return false;
    unload(lora.name);
  }
  loras_.push_back(std::move(lora));
  return true;
}

bool Models::unload(std::string_view name) {
  const auto has_name = [name](const Lora& lora) { return lora.name == name; };
  const auto at = std::find_if(loras_.begin(), loras_.end(), has_name);
  if (at == loras_.end()) return false;
  loras_.erase(at);
  return true;
}

const std::string& Models::name_for(const std::optional<std::string>& model) const {
  const Lora* lora = model ? find_lora(*model) : nullptr;
  return lora == nullptr ? first() : lora->name;
}

std::optional<Answer> Models::check(const std::optional<std::string>& model) const {
  if (!model || model->empty() || find_lora(*model) != nullptr ||
      std::find(served_.begin(), served_.end(), *model) != served_.end()) {
    return std::nullopt;
  }
  ErrorBody error;
  error.status = 404;
  error.type = "NotFoundError";
  error.message = "The model `" + *model + "` does not exist.";
  if (dialect_ == Dialect::kOld) return error_answer(error);
  // Adapters are not among the names, though they are served.
  error.message += " Valid aliases: ";
  for (const std::string& name : served_) {
    if (&name != &served_.front()) error.message += ", ";
    error.message += name;
  }
  error.message += ".";
  error.param = "model";
  return error_answer(error);
}

std::string Models::list(const ListOptions& options, Random& ids) const {
  struct Entry {
    std::string_view id;
    std::string_view root;
    bool adapter;
  };
  std::vector<Entry> entries;
  for (const std::string& model : served_) {
    entries.push_back({model, first(), false});
  }
  for (const Lora& lora : loras_) {
    entries.push_back({lora.name, lora.path, true});
  }
  const std::string created = std::to_string(options.unix_seconds);
  std::string out = R"({"object":"list","data":[)";
  for (const Entry& entry : entries) {
    if (&entry != &entries.front()) out += ',';
    out += R"({"id":)";
    append_json_string(out, entry.id);
    out += R"(,"object":"model","created":)" + created + R"(,"owned_by":"vllm","root":)";
    append_json_string(out, entry.root);
    out += R"(,"parent":)";
    if (entry.adapter) {
      append_json_string(out, first());
    } else {
      out += "null";
    }
    out += R"(,"max_model_len":)";
    out += entry.adapter ? "null" : std::to_string(options.max_model_len);
    out += R"(,"permission":[{"id":"modelperm-)" + make_id(dialect_, ids);
    out += R"(","object":"model_permission","created":)" + created;
    out += R"(,"allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,)"
           R"("allow_search_indices":false,"allow_view":true,"allow_fine_tuning":false,)"
           R"("organization":"*","group":null,"is_blocking":false}]})";
  }
  return out + "]}";
}

}  // namespace olla::sim
