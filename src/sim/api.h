#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "sim/administration.h"
#include "sim/answer.h"
#include "sim/continuation.h"
#include "sim/engine.h"
#include "sim/failure.h"
#include "sim/faults.h"
#include "sim/generation.h"
#include "sim/http_metrics.h"
#include "sim/models.h"
#include "sim/process_metrics.h"
#include "sim/prompt.h"
#include "sim/ranks.h"
#include "sim/responses.h"
#include "sim/routes.h"
#include "sim/tokenizer.h"
#include "sim/tools.h"

namespace olla::sim {

/// The two clocks of a call: the one that the engine runs on, and the one on the wall.
struct ApiTime {
  TimePoint now;
  std::int64_t unix_seconds = 0;
};

struct ApiOptions {
  std::string version = "0.32.0";   ///< What /version says, and whose manners it has.
  std::vector<std::string> models;  ///< Served names, at least one; answers carry the first.
  std::vector<Lora> loras;
  Service service = Service::kAll;
  bool dev_mode = false;               ///< With the routes of Administration.
  bool lora_updating = false;          ///< With the routes that load and unload adapters.
  bool scale_out = false;              ///< Those of scale-out do not refuse everybody.
  bool load_tracking = false;          ///< /load tells more than 0.
  std::size_t stream_interval = 1;     ///< Tokens of an event, but for the first and the last one.
  bool force_usage = false;            ///< Each stream of chats and completions tells its usage.
  std::size_t data_parallel_size = 1;  ///< Engines, each under the rules.
  bool prompt_tokens_details = false;  ///< Usage tells how much of a prompt was cached.
  ParserFlags parsers;
  EngineRules rules;
  std::uint64_t seed = 0;     ///< Of the texts; equal on all servers of one simulated fleet.
  std::uint64_t id_seed = 0;  ///< Of the ids; different on each server.
  ProcessFigures (*process)() = nullptr;  ///< For /metrics; without it they are 0.
};

/// What a request becomes: an answer at once, or a generation that the engine works on.
using Reply = std::variant<Answer, std::unique_ptr<Generation>>;

/// The API of one vLLM server over one engine, without sockets: requests go in as values, time is
/// an argument, answers and events come out.
///
/// The shapes, words and status codes are those recorded from vLLM 0.32.0 and 0.11.0. Not
/// thread-safe.
class Api {
 public:
  Api(ApiOptions options, ApiTime started);
  Api(const Api&) = delete;  // running sequences refer to the tokenizer
  Api& operator=(const Api&) = delete;

  /// Takes one request. A Generation that comes back must be given to leave() before it is
  /// destroyed, finished or not, and before this Api is.
  Reply handle(const ApiRequest& request, ApiTime time);

  /// When advance() has something to do; nullopt while nothing runs.
  [[nodiscard]] std::optional<TimePoint> next_time() const;
  /// Hands all tokens due at `now` to their generations, and tells their listeners. A listener may
  /// call back into this Api.
  void advance(TimePoint now);

  /// The generation is done with, or its client left: what still runs of it is aborted.
  void leave(Generation& generation, TimePoint now);

  /// The engine dies for this generation alone, which tells so and is done.
  void fail(Generation& generation, TimePoint now) { ranks_.fail(generation, now); }

  [[nodiscard]] Faults& faults() { return faults_; }
  [[nodiscard]] const Faults& faults() const { return faults_; }

  /// What /metrics calls the handler of a request: its path as the routes have it, or "none".
  [[nodiscard]] std::string handler(std::string_view method, std::string_view target) const;
  /// Whoever sends the answers tells of them here.
  [[nodiscard]] HttpMetrics& http_metrics() { return http_metrics_; }

  /// Of one data-parallel rank.
  [[nodiscard]] const EngineStats& stats(std::size_t rank = 0) const { return ranks_.stats(rank); }
  [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }
  [[nodiscard]] Dialect dialect() const { return dialect_; }
  /// A server that hangs takes no connection any more, and closes the idle ones.
  [[nodiscard]] Condition condition() const { return condition_; }
  /// What a signal does to a server: kDraining or kHung.
  void set_condition(Condition condition) { condition_ = condition; }
  /// Answers under way: they run, wait, or are on their way in or out.
  [[nodiscard]] std::size_t unfinished() const { return ranks_.present(); }

 private:
  [[nodiscard]] RouteRules route_rules() const;
  Reply route(const ApiRequest& request, ApiTime time);
  [[nodiscard]] Answer metrics(TimePoint now);
  Answer control(std::string_view path, TimePoint now);
  Answer get(std::string_view path, ApiTime time);
  Reply post(const Route& route, const ApiRequest& request, ApiTime time);
  Reply generate(Kind kind, const nlohmann::json& body, const ApiRequest& request, ApiTime time);
  Reply generate_batch(const nlohmann::json& body, const ApiRequest& request, ApiTime time);
  Reply message(std::string_view path, const nlohmann::json& body, const ApiRequest& request,
                ApiTime time);
  Reply respond(const nlohmann::json& body, const ApiRequest& request, ApiTime time);
  std::optional<Answer> read_chat(Fields& fields, Exchange& exchange);
  [[nodiscard]] std::optional<Answer> check_thinking_budget(const Fields& fields) const;
  std::optional<Answer> read_tool_chat(Fields& fields, Exchange& exchange);
  Reply begin(Exchange exchange, bool has_text, ApiTime time);
  std::unique_ptr<Generation> submit(Exchange exchange, TimePoint now);
  std::variant<std::vector<std::vector<TokenId>>, Answer> read_prompts(Kind kind,
                                                                       Fields& fields) const;
  std::optional<Answer> check_condition(bool has_text);
  [[nodiscard]] std::optional<std::variant<std::vector<TokenId>, Answer>> demanded_tokens(
      const Exchange& exchange, std::size_t prompt, std::uint64_t seed) const;
  [[nodiscard]] TextGenerator text_for(const Exchange& exchange, std::size_t prompt,
                                       const TextSeed& seed) const;
  Answer embed(std::string_view path, const nlohmann::json& body, const ApiRequest& request,
               ApiTime time);
  [[nodiscard]] Answer transcribe(const ApiRequest& request) const;
  std::string request_id(const ApiRequest& request, const std::optional<std::string>& from_body);
  [[nodiscard]] PromptRules prompt_rules() const;

  ApiOptions options_;
  ApiTime started_;
  Dialect dialect_;
  Models models_;
  std::string fingerprint_;
  Tokenizer tokenizer_;
  Continuation continuation_{tokenizer_};
  Ranks ranks_;
  Administration administration_;
  Random ids_;
  ResponseStore responses_;
  std::uint64_t rejected_ = 0;
  std::uint64_t load_ = 0;  ///< Requests for text that are being answered.
  Condition condition_ = Condition::kWell;
  Faults faults_;
  HttpMetrics http_metrics_;
};

}  // namespace olla::sim
