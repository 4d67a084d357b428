#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/config_file.h"
#include "app/flags.h"

namespace {

constexpr const char* kVersion = "olla v" OLLA_VERSION;

/// Reads "50ms", "1.5s" or "0" into milliseconds. A number without a unit is no duration, as it is
/// none in the config file.
std::string read_duration(const std::string& text, std::optional<std::chrono::milliseconds>& out) {
  std::smatch parts;
  const std::regex pattern(R"((\d{1,9}(?:\.\d{1,9})?)(ms|s)|0)");
  if (!std::regex_match(text, parts, pattern)) return "a duration such as 50ms or 1.5s";
  const double number = parts[1].matched ? std::stod(parts[1]) : 0.0;
  const double scale = parts[2] == "s" ? 1000.0 : 1.0;
  out = std::chrono::milliseconds(static_cast<std::int64_t>(number * scale));
  return {};
}

CLI::Option* add_duration(CLI::App& app, const std::string& flag,
                          std::optional<std::chrono::milliseconds>& out, const std::string& help) {
  return app
      .add_option_function<std::string>(
          flag,
          [&out, flag](const std::string& text) {
            const std::string wanted = read_duration(text, out);
            if (!wanted.empty()) throw CLI::ValidationError(flag, "must be " + wanted);
          },
          help)
      ->type_name("DURATION");
}

/// Opens the null device where standard input, output or error is closed. Otherwise a socket would
/// get that number, and the log would be written into it.
void open_missing_streams() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO)
    descriptor = ::open("/dev/null", O_RDWR);  // Takes the lowest number that is free.
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

/// Options of `olla sim` for how fast and how large its engines are. Both must outlive the parsing.
void add_engine_options(CLI::App& sim, olla::app::SimFlags& flags) {
  sim.add_option("--profile", flags.profile,
                 "what steps cost: llama-8b-h100, llama-1b-h100, demo, or a file")
      ->capture_default_str();
  add_duration(sim, "--ttft", flags.ttft, "a steady pace instead: time to the first token (50ms)");
  add_duration(sim, "--itl", flags.itl, "a steady pace instead: time between tokens (10ms)");
  const CLI::Range counts(1, 1'000'000);
  sim.add_option("--max-num-seqs", flags.max_num_seqs, "answers generated at once")->check(counts);
  sim.add_option("--max-num-batched-tokens", flags.max_num_batched_tokens, "tokens of one step")
      ->check(counts);
  sim.add_option("--num-gpu-blocks-override", flags.num_gpu_blocks,
                 "blocks of 16 tokens in the KV cache")
      ->check(CLI::Range(1, 10'000'000));
  sim.add_option("--max-model-len", flags.max_model_len,
                 "tokens of prompt and answer together (8192)")
      ->check(CLI::Range(16, 100'000'000));
  sim.add_option("--scheduling-policy", flags.policy, "who is next of those that wait")
      ->check(CLI::IsMember({"fcfs", "priority"}))
      ->capture_default_str();
  sim.add_flag("--enable-prefix-caching,!--no-enable-prefix-caching", flags.prefix_caching,
               "compute no prompt twice (the default)");
  sim.add_flag("--enable-prompt-tokens-details", flags.prompt_tokens_details,
               "usage tells how much of a prompt was cached");
  sim.add_flag("--enable-auto-tool-choice", flags.auto_tool_choice,
               "chats with tools need not say which to call");
  sim.add_option("--tool-call-parser", flags.tool_call_parser, "finds calls of tools: hermes");
  sim.add_option("--reasoning-parser", flags.reasoning_parser, "finds thoughts: qwen3");
  sim.add_option("--trace", flags.trace,
                 "replay this file on --count servers in virtual time, and serve nobody");
}

/// Options of `olla sim` for who may ask what, named as vLLM's. Both must outlive the parsing.
void add_api_options(CLI::App& sim, olla::app::SimFlags& flags) {
  sim.add_option("--api-key", flags.api_keys, "wanted of clients; again for each further one")
      ->allow_extra_args(false);
  sim.add_option("--allowed-origins", flags.allowed_origins,
                 "whose pages may read answers, or *; again for each further one")
      ->allow_extra_args(false);
  sim.add_flag("--enable-request-id-headers", flags.request_id_headers,
               "answers carry x-request-id");
  sim.add_flag("--enable-server-load-tracking", flags.load_tracking,
               "/load tells how many requests are being answered");
  sim.add_option("--stream-interval", flags.stream_interval,
                 "tokens of an event, but for the first and the last one")
      ->check(CLI::Range(std::size_t{1}, olla::app::kStreamIntervalMax));
  sim.add_flag("--enable-force-include-usage", flags.force_usage, "each stream tells its usage");
  sim.add_flag("--allow-runtime-lora-updating", flags.lora_updating,
               "with the routes that load and unload LoRA adapters");
  sim.add_flag("--enable-scale-out", flags.scale_out, "with the routes of scale-out");
  sim.add_flag("--dev-mode", flags.dev_mode, "with the routes for sleep, pause and more");
}

/// The options of `olla sim`. Both must outlive the parsing.
void add_sim_options(CLI::App& sim, olla::app::SimFlags& flags) {
  CLI::Option* const fleet = sim.add_option_function<std::string>(
      "--fleet", [&flags](const std::string& file) { flags.fleet = file; },
      "file (YAML) with several kinds of servers");
  sim.add_option("--port", flags.port, "port of the first server; 0: any")->capture_default_str();
  sim.add_option("--model", flags.models, "name of the model; again for each further name")
      ->allow_extra_args(false)
      ->capture_default_str();
  sim.add_option("--lora", flags.loras, "name of a LoRA adapter; again for each further one")
      ->allow_extra_args(false);
  sim.add_option("--vllm-version", flags.vllm_version,
                 "version to answer as; before 0.12 as 0.11 does")
      ->capture_default_str();
  sim.add_option("--kind", flags.kind, "what the servers are there for")
      ->check(CLI::IsMember({"generate", "embed", "rerank", "classify", "transcribe", "all"}))
      ->capture_default_str();
  sim.add_option("--count", flags.count, "number of servers")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_engine_options(sim, flags);
  sim.get_option("--trace")->excludes(fleet);
  add_api_options(sim, flags);
  sim.add_option("--data-parallel-size", flags.data_parallel_size, "engines in each server")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  sim.add_option("--max-num-queued-reqs", flags.max_num_queued_reqs,
                 "requests running or waiting, over which others get 503; 0: no limit")
      ->capture_default_str();
  sim.add_option("--fault", flags.faults, "what goes wrong, such as reset,count=3; again for more")
      ->allow_extra_args(false);
  sim.add_option("--on-sigterm", flags.on_sigterm, "what SIGTERM does; a second signal stops")
      ->check(CLI::IsMember({"stop", "drain", "hang"}))
      ->capture_default_str();
  sim.add_option("--seed", flags.seed, "seed of the generated text")->capture_default_str();
}

/// Reads the command line and runs the command; returns the exit code.
int run(int argc, char** argv) {
  CLI::App app("olla: an LLM gateway that makes a fleet of vLLM servers look like one", "olla");
  app.set_version_flag("-v,--version", kVersion);
  app.require_subcommand(0, 1);
  app.failure_message(CLI::FailureMessage::help);
  bool validates = false;
  app.add_flag("--validate-config", validates, "as check, of the config file that serve would use");
  bool profiles = false;
  app.add_flag("--profile", profiles, "of Olla; there is no profiler here");

  std::optional<std::string> config_file;
  // By a function, since CLI11 takes an empty text for an optional without a value.
  const auto take_config_file = [&config_file](const std::string& file) { config_file = file; };
  CLI::App* serve = app.add_subcommand("serve", "run the gateway (the default)");
  for (CLI::App* command : {&app, serve}) {
    command->add_option_function<std::string>("-c,--config", take_config_file,
                                              "config file (YAML)");
  }

  CLI::App* check = app.add_subcommand("check", "say everything that is wrong with a config");
  check->add_option_function<std::string>("file", take_config_file,
                                          "config file (YAML); the one that serve would use");

  olla::app::SimFlags sim_flags;
  CLI::App* sim = app.add_subcommand("sim", "run simulated vLLM servers");
  add_sim_options(*sim, sim_flags);

  std::uint16_t demo_port = 40114;
  CLI::App* demo = app.add_subcommand("demo", "the gateway with three simulated servers behind it");
  demo->add_option("--port", demo_port, "port of the gateway; 0: any")->capture_default_str();

  try {
    std::vector<std::string> arguments =
        olla::app::normal_arguments({argv + std::min(argc, 1), argv + argc});
    // CLI11 takes them from the end.
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    // CLI11 has its own numbers; a wrong command line is 2, as a wrong config is.
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (profiles) std::fprintf(stderr, "warning: -profile has no effect: there is no profiler\n");
  if (check->parsed() || validates) return olla::app::check_command(config_file);
  if (sim->parsed()) return olla::app::sim_command(sim_flags);
  if (demo->parsed()) return olla::app::demo_command(demo_port);
  if (olla::app::shows_version(olla::config::system_environment())) {
    std::puts(kVersion);
    return 0;
  }
  return olla::app::serve_command(config_file);
}

/// Lets blocks of a prompt's size come from the heap, which keeps a few megabytes of them for each
/// thread. By glibc's own rules each prompt gets fresh pages from the system and gives them back:
/// of four prompts of a megabyte at a time that took a third of the processor time.
void keep_freed_memory() {
  constexpr int kMapAboveBytes = 4 * 1024 * 1024;
  constexpr int kKeepBytes = 8 * 1024 * 1024;
  // There is no other thread yet.
  mallopt(M_MMAP_THRESHOLD, kMapAboveBytes);  // NOLINT(concurrency-mt-unsafe)
  mallopt(M_TRIM_THRESHOLD, kKeepBytes);      // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

int main(int argc, char** argv) {
  open_missing_streams();
  keep_freed_memory();
  // Whoever reads the log may go away; that is no reason to stop serving.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
