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

Models::Models(std::vector<std::string> served, Dialect dialect)
    : served_(std::move(served)), dialect_(dialect) {
  OLLA_CHECK(!served_.empty());
}

std::optional<Answer> Models::check(const std::optional<std::string>& model) const {
  if (!model || model->empty() ||
      std::find(served_.begin(), served_.end(), *model) != served_.end()) {
    return std::nullopt;
  }
  ErrorBody error;
  error.status = 404;
  error.type = "NotFoundError";
  error.message = "The model `" + *model + "` does not exist.";
  if (dialect_ == Dialect::kOld) return error_answer(error);
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
  const std::string created = std::to_string(options.unix_seconds);
  std::string out = R"({"object":"list","data":[)";
  for (const std::string& model : served_) {
    if (&model != &served_.front()) out += ',';
    out += R"({"id":)";
    append_json_string(out, model);
    out += R"(,"object":"model","created":)" + created + R"(,"owned_by":"vllm","root":)";
    append_json_string(out, first());
    out += R"(,"parent":null,"max_model_len":)" + std::to_string(options.max_model_len);
    out += R"(,"permission":[{"id":"modelperm-)" + make_id(dialect_, ids);
    out += R"(","object":"model_permission","created":)" + created;
    out += R"(,"allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,)"
           R"("allow_search_indices":false,"allow_view":true,"allow_fine_tuning":false,)"
           R"("organization":"*","group":null,"is_blocking":false}]})";
  }
  return out + "]}";
}

}  // namespace olla::sim
