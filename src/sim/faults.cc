#include "sim/faults.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "sim/failure.h"
#include "sim/fields.h"
#include "sim/messages.h"

namespace olla::sim {
namespace {

using nlohmann::json;

constexpr std::size_t kGarbageBytes = 64;

bool is_health(std::string_view path) {
  return path == "/health" || path == "/ping";
}

/// Whether a request on this path is one of those that the fault is for.
bool concerns(const Fault& fault, std::string_view method, std::string_view path) {
  if (path.starts_with("/sim/")) return false;  // Or else nobody could take it back.
  if (!fault.path.empty()) return path.starts_with(fault.path);
  if (fault.kind == FaultKind::kUnhealthy) return is_health(path);
  return method == "POST" && !is_health(path);
}

/// A member's value as it stands in a fault as text.
std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<Fault> read_fault(const json& document) {
  if (document.is_string()) return parse_fault(document.get_ref<const std::string&>());
  if (!document.is_object() || !document.contains("kind")) {
    return Error{Errc::kMalformed, Side::kClient, "a fault must be an object with a `kind`"};
  }
  Fault fault;
  for (const auto& [name, value] : document.items()) {
    auto problem = set_member(fault, name, as_text(value));
    if (problem) return std::move(*problem);
  }
  if (auto problem = check_fault(fault)) return std::move(*problem);
  return fault;
}

Answer refuse(std::string message) {
  ErrorBody error;
  error.message = std::move(message);
  return error_answer(error);
}

}  // namespace

void Faults::set(std::vector<Fault> faults, std::uint64_t seed, TimePoint now) {
  rules_.clear();
  for (Fault& fault : faults) {
    rules_.push_back({std::move(fault)});
  }
  since_ = now;
  random_ = Random(seed);
}

std::optional<Fault> Faults::strike_request(std::string_view method, std::string_view path,
                                            TimePoint now) {
  for (Rule& rule : rules_) {
    const Fault& fault = rule.fault;
    if (befalls_streams(fault.kind) || fault.kind == FaultKind::kRefuse) continue;
    if (concerns(fault, method, path) && strikes(rule, now)) return fault;
  }
  return std::nullopt;
}

std::optional<Fault> Faults::strike_stream(std::string_view path, TimePoint now) {
  for (Rule& rule : rules_) {
    if (!befalls_streams(rule.fault.kind)) continue;
    if (concerns(rule.fault, "POST", path) && strikes(rule, now)) return rule.fault;
  }
  return std::nullopt;
}

bool Faults::strikes(Rule& rule, TimePoint now) {
  const Fault& fault = rule.fault;
  if (fault.count && rule.struck >= *fault.count) return false;
  if (fault.lasts && now - since_ >= *fault.lasts) return false;
  // The generator moves only for what is left to chance, so that other rules do not shift it.
  if (fault.probability < 1 && random_.unit() >= fault.probability) return false;
  ++rule.struck;
  return true;
}

std::optional<TimePoint> Faults::refused_until(TimePoint now) const {
  std::optional<TimePoint> until;
  for (const Rule& rule : rules_) {
    if (rule.fault.kind != FaultKind::kRefuse) continue;
    const TimePoint end = since_ + rule.fault.lasts.value_or(Duration::zero());
    if (end > now && (!until || end > *until)) until = end;
  }
  return until;
}

Answer Faults::handle(const ApiRequest& request, Dialect dialect, TimePoint now) {
  if (request.method == "GET") return list(now);
  auto parsed = parse_body(request, dialect);
  if (auto* refused = std::get_if<Answer>(&parsed)) return std::move(*refused);
  const json& body = std::get<json>(parsed);
  Fields fields(body, dialect);
  const auto seed = fields.integer("seed");
  if (fields.failed()) return fields.answer();
  const json* documents = fields.find("faults");
  if (documents == nullptr || !documents->is_array() || documents->size() > kFaultsMax) {
    return refuse("`faults` must be a list of " + std::to_string(kFaultsMax) + " faults at most");
  }
  std::vector<Fault> faults;
  for (const json& document : *documents) {
    auto fault = read_fault(document);
    if (!fault) return refuse(fault.error().detail);
    faults.push_back(std::move(*fault));
  }
  set(std::move(faults), static_cast<std::uint64_t>(seed.value_or(0)), now);
  return list(now);
}

Answer Faults::list(TimePoint now) const {
  json all = json::array();
  for (const Rule& rule : rules_) {
    const Fault& fault = rule.fault;
    const bool used_up = fault.count && rule.struck >= *fault.count;
    const bool over = fault.lasts && now - since_ >= *fault.lasts;
    all.push_back(
        {{"kind", fault_name(fault.kind)}, {"struck", rule.struck}, {"active", !used_up && !over}});
  }
  return json_answer(json{{"faults", std::move(all)}}.dump());
}

std::string Faults::garbage() {
  std::string out;
  for (std::size_t i = 0; i < kGarbageBytes; ++i) {
    out += static_cast<char>(random_.below(256));
  }
  out.front() = '\xFF';  // Neither "HTTP/" nor the size of a chunk begins so.
  return out;
}

Answer fault_answer(FaultKind kind, std::string_view path, Dialect dialect) {
  Answer answer = internal_error_answer();
  if (kind == FaultKind::kBusy) answer = busy_answer();
  if (kind == FaultKind::kEngineDead) answer = engine_dead_answer(dialect);
  if (kind == FaultKind::kShuttingDown) answer = shutdown_answer();
  if (kind == FaultKind::kUnhealthy) {
    answer = empty_answer();
    answer.status = 503;
  }
  if (path.starts_with("/v1/messages")) answer = message_error(std::move(answer));
  adapt(answer, dialect);
  return answer;
}

}  // namespace olla::sim
