#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace olla::app {

/// `olla` and `olla serve`: the gateway, with the config of choose_config(). Returns the exit code;
/// 2 when the config is wrong.
int serve_command(const std::optional<std::string>& config_file);

/// `olla check` and `olla -validate-config`: prints every problem of the config that
/// serve_command() would use. Returns 0 or 2.
int check_command(const std::optional<std::string>& config_file);

/// More tokens than an event of `olla sim` has at most: whole answers come in two.
constexpr std::size_t kStreamIntervalMax = 1'000'000;

struct SimFlags {
  /// A file with several kinds of servers; what it does not say of one is as here.
  std::optional<std::string> fleet;
  std::uint16_t port = 8000;                        ///< 0: the system picks one for each server.
  std::vector<std::string> models = {"sim-model"};  ///< The first one is in answers.
  std::vector<std::string> loras;                   ///< Adapters of the first model.
  std::string vllm_version = "0.32.0";              ///< Before 0.12: with the manners of 0.11.
  std::string kind = "all";                         ///< As sim::service_of() knows them.
  std::uint32_t count = 1;                          ///< Servers on `port`, `port` + 1, ...
  /// Name or file of what the engine's steps cost; it does not count with a steady pace.
  std::string profile = "llama-8b-h100";
  /// Either of them asks for a steady pace: 50 and 10 ms, unless they are given.
  std::optional<std::chrono::milliseconds> ttft;
  std::optional<std::chrono::milliseconds> itl;
  std::uint64_t seed = 0;
  std::vector<std::string> api_keys;         ///< Without one of them some paths are closed.
  std::vector<std::string> allowed_origins;  ///< Empty: as the version has it.
  bool request_id_headers = false;           ///< Answers name the ids of their requests.
  bool load_tracking = false;                ///< /load tells what is being answered.
  bool force_usage = false;                  ///< Each stream tells its usage.
  bool lora_updating = false;                ///< Adapters may be loaded and unloaded.
  bool scale_out = false;                    ///< With the routes of scale-out.
  bool dev_mode = false;                     ///< With vLLM's routes for sleep, pause and the like.
  std::size_t data_parallel_size = 1;        ///< Engines per server.
  std::size_t stream_interval = 1;           ///< Tokens of an event.
  std::optional<std::size_t> max_num_seqs;   ///< Answers generated at once; the others wait.
  std::optional<std::size_t> max_num_batched_tokens;  ///< Of one step.
  std::optional<std::size_t> num_gpu_blocks;          ///< Of 16 tokens.
  bool prefix_caching = true;
  std::string policy = "fcfs";               ///< fcfs or priority
  bool prompt_tokens_details = false;        ///< Usage tells how much of a prompt was cached.
  bool auto_tool_choice = false;             ///< A chat with tools need not say which to call.
  std::string tool_call_parser;              ///< Empty: none, and no calls of tools.
  std::string reasoning_parser;              ///< Empty: none, and no thoughts.
  std::size_t max_num_queued_reqs = 0;       ///< Over it requests are refused; 0: never.
  std::optional<std::size_t> max_model_len;  ///< Tokens of prompt and answer together.
  std::vector<std::string> faults;           ///< As sim::parse_fault() reads them.
  std::string on_sigterm = "stop";           ///< stop; drain or hang, as a real server does.
  std::string trace;  ///< A file to replay in virtual time, instead of serving; empty: none.
};

/// `olla sim`: simulated vLLM servers, until SIGTERM or SIGINT. Returns the exit code.
int sim_command(const SimFlags& flags);

/// `olla demo`: three simulated servers and the gateway before them. Returns the exit code.
int demo_command(std::uint16_t port);

}  // namespace olla::app
