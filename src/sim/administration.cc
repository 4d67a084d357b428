#include "sim/administration.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/fields.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;

/// The value of a parameter in a target's query; empty when it has none.
std::string_view query_value(std::string_view target, std::string_view name) {
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    const std::string_view rest = target.substr(at + 1);
    const std::string_view pair = rest.substr(0, rest.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return pair.substr(name.size() + 1);
    }
    at = target.find('&', at + 1);
  }
  return {};
}

Answer flag_answer(std::string_view name, bool value) {
  std::string out = "{";
  append_json_string(out, name);
  return json_answer(out + (value ? ":true}" : ":false}"));
}

/// Text without a content-type, as vLLM writes it here.
Answer success(const std::string& what) {
  Answer answer = empty_answer();
  answer.body = "Success: LoRA adapter " + what + " successfully.";
  answer.headers.front().second = std::to_string(answer.body.size());
  return answer;
}

Answer refuse_adapter(int status, std::string_view type, std::string message) {
  ErrorBody error;
  error.status = status;
  error.type = type;
  error.message = std::move(message);
  return error_answer(error);
}

/// Names in a message of vLLM stand in plain quotes.
std::string in_quotes(const std::string& name) {
  return "'" + name + "'";
}

}  // namespace

Answer Administration::handle(std::string_view path, const ApiRequest& request, TimePoint now) {
  if (path == "/sleep") return fall_asleep(request);
  if (path == "/pause") return pause(request, now);
  if (path == "/abort_requests") return abort(request, now);
  if (path == "/v1/load_lora_adapter") return load_adapter(request);
  if (path == "/v1/unload_lora_adapter") return unload_adapter(request);
  if (path == "/is_sleeping") return flag_answer("is_sleeping", sleep_level_ > 0);
  if (path == "/is_paused") return flag_answer("is_paused", paused_);
  if (path == "/reset_prefix_cache") return flag_answer("success", ranks_.reset_prefixes(now));
  if (path == "/reset_mm_cache" || path == "/reset_encoder_cache") return empty_answer();
  if (path == "/get_world_size") return json_answer(R"({"world_size":1})");
  if (path == "/wake_up") {
    sleep_level_ = 0;
    hold_or_release(now);
    return json_answer(R"({"status":"awake","tags":null})");
  }
  if (path == "/resume") {
    paused_ = false;
    hold_or_release(now);
    return json_answer(R"({"status":"resumed"})");
  }
  std::string config = "model=" + in_quotes(models_.first());
  config += ", data_parallel_size=" + std::to_string(ranks_.engines().size());
  std::string out = R"({"vllm_config":)";
  append_json_string(out, config);
  return json_answer(out + "}");
}

Answer Administration::fall_asleep(const ApiRequest& request) {
  sleep_level_ = query_value(request.target, "level") == "2" ? 2 : 1;
  ranks_.hold();
  return json_answer(R"({"status":"sleeping","level":)" + std::to_string(sleep_level_) + "}");
}

Answer Administration::pause(const ApiRequest& request, TimePoint now) {
  paused_ = true;
  ranks_.hold();
  const std::string_view mode = query_value(request.target, "mode");
  // What runs is aborted, unless it is to be waited for.
  if (mode.empty() || mode == "abort") ranks_.abort({}, now);
  return json_answer(R"({"status":"paused"})");
}

Answer Administration::abort(const ApiRequest& request, TimePoint now) {
  auto parsed = parse_body(request, models_.dialect());
  if (auto* refused = std::get_if<Answer>(&parsed)) return std::move(*refused);
  const json& body = std::get<json>(parsed);
  std::size_t aborted = 0;
  const auto ids = body.find("request_ids");
  if (ids != body.end() && ids->is_array()) {
    for (const json& id : *ids) {
      if (id.is_string()) aborted += ranks_.abort(id.get<std::string>(), now);
    }
  }
  return json_answer(R"({"status":"aborted","aborted":)" + std::to_string(aborted) + "}");
}

Answer Administration::load_adapter(const ApiRequest& request) {
  auto parsed = parse_body(request, models_.dialect());
  if (auto* refused = std::get_if<Answer>(&parsed)) return std::move(*refused);
  const json& body = std::get<json>(parsed);
  Fields fields(body, models_.dialect());
  for (const std::string_view name : {"lora_name", "lora_path"}) {
    if (body.find(name) == body.end()) fields.fail_missing(name);
  }
  Lora lora{fields.string("lora_name").value_or(""), fields.string("lora_path").value_or("")};
  const bool again = fields.boolean("load_inplace").value_or(false);
  if (fields.failed()) return fields.answer();
  if (lora.name.empty() || lora.path.empty()) {
    return refuse_adapter(400, "InvalidUserInput",
                          "Both 'lora_name' and 'lora_path' must be provided.");
  }
  const std::string name = in_quotes(lora.name);
  if (!models_.load(std::move(lora), again)) {
    return refuse_adapter(400, "InvalidUserInput",
                          "The lora adapter " + name +
                              " has already been loaded. If you want to load the adapter in place, "
                              "set 'load_inplace' to True.");
  }
  return success(name + " added");
}

Answer Administration::unload_adapter(const ApiRequest& request) {
  auto parsed = parse_body(request, models_.dialect());
  if (auto* refused = std::get_if<Answer>(&parsed)) return std::move(*refused);
  const json& body = std::get<json>(parsed);
  Fields fields(body, models_.dialect());
  const std::string name = fields.string("lora_name").value_or("");
  if (body.find("lora_name") == body.end()) fields.fail_missing("lora_name");
  if (fields.failed()) return fields.answer();
  if (!models_.unload(name)) {
    return refuse_adapter(404, "NotFoundError",
                          "The lora adapter " + in_quotes(name) + " cannot be found.");
  }
  return success(in_quotes(name) + " removed");
}

void Administration::hold_or_release(TimePoint now) {
  if (sleep_level_ == 0 && !paused_) ranks_.release(now);
}

}  // namespace olla::sim
