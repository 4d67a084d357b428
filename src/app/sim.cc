#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/gateway.h"
#include "app/sim_fleet.h"
#include "app/sim_rules.h"
#include "app/trace_report.h"
#include "sim/server.h"

namespace olla::app {

namespace {

// How often a simulator that is about to end looks whether it may.
constexpr std::chrono::milliseconds kFinishedInterval{20};

/// The servers of one command, and what signals do to them.
class Servers {
 public:
  Servers(boost::asio::io_context& io, std::string on_sigterm)
      : on_sigterm_(std::move(on_sigterm)), signals_(io, SIGINT, SIGTERM), timer_(io) {
    wait_for_signal();
  }

  /// Starts one. Returns whether it could, and says why not.
  bool start(boost::asio::io_context& io, const sim::ServerOptions& options) {
    auto server = std::make_unique<sim::Server>(io, options);
    const auto port = server->start();
    if (!port) {
      std::fprintf(stderr, "error: cannot listen: %s\n", port.error().detail.c_str());
      return false;
    }
    std::printf("listening on 127.0.0.1:%u serving %s\n", unsigned{*port},
                options.models.front().c_str());
    servers_.push_back(std::move(server));
    return true;
  }

 private:
  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (!error) on_signal(signal);
    });
  }

  void on_signal(int signal) {
    if (signal != SIGTERM || terminating_ || on_sigterm_ == "stop") return stop();
    terminating_ = true;
    for (const auto& server : servers_)
      server->terminate(on_sigterm_ == "drain" ? sim::Condition::kDraining : sim::Condition::kHung);
    wait_for_signal();
    look();
  }

  /// Ends once no server has anything left that it would stay for.
  void look() {
    const auto finished = [](const auto& server) { return server->finished(); };
    if (std::all_of(servers_.begin(), servers_.end(), finished)) return stop();
    timer_.expires_after(kFinishedInterval);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) look();
    });
  }

  void stop() {
    signals_.cancel();
    timer_.cancel();
    for (const auto& server : servers_)
      server->stop();
  }

  std::string on_sigterm_;
  bool terminating_ = false;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  std::vector<std::unique_ptr<sim::Server>> servers_;
};

/// The options of the first server; `--port` counts on from it.
std::optional<sim::ServerOptions> server_options(const SimFlags& flags) {
  const auto empty = [](const std::string& name) { return name.empty(); };
  if (flags.models.empty() || std::any_of(flags.models.begin(), flags.models.end(), empty) ||
      std::any_of(flags.loras.begin(), flags.loras.end(), empty)) {
    std::fputs("error: --model and --lora must not be empty\n", stderr);
    return std::nullopt;
  }
  if (flags.port + flags.count - 1 > 65535) {
    std::fputs("error: --port and --count go beyond port 65535\n", stderr);
    return std::nullopt;
  }
  const auto rules = sim_rules(flags);
  if (!rules) {
    std::fprintf(stderr, "error: %s\n", rules.error().detail.c_str());
    return std::nullopt;
  }
  sim::ServerOptions options;
  options.port = flags.port;
  options.models = flags.models;
  options.loras = flags.loras;
  options.version = flags.vllm_version;
  options.service = sim::service_of(flags.kind).value_or(sim::Service::kAll);
  options.middleware.api_keys = flags.api_keys;
  if (!flags.allowed_origins.empty()) options.middleware.allowed_origins = flags.allowed_origins;
  options.middleware.request_id_headers = flags.request_id_headers;
  options.dev_mode = flags.dev_mode;
  options.lora_updating = flags.lora_updating;
  options.scale_out = flags.scale_out;
  options.load_tracking = flags.load_tracking;
  options.force_usage = flags.force_usage;
  options.data_parallel_size = flags.data_parallel_size;
  options.stream_interval = flags.stream_interval;
  options.prompt_tokens_details = flags.prompt_tokens_details;
  options.parsers = {flags.auto_tool_choice, flags.tool_call_parser, flags.reasoning_parser};
  options.rules = *rules;
  options.seed = flags.seed;
  for (const std::string& text : flags.faults) {
    auto fault = sim::parse_fault(text);
    if (!fault) {
      std::fprintf(stderr, "error: --fault %s: %s\n", text.c_str(), fault.error().detail.c_str());
      return std::nullopt;
    }
    options.faults.push_back(std::move(*fault));
  }
  return options;
}

}  // namespace

int sim_command(const SimFlags& flags) {
  if (!flags.trace.empty()) {
    const auto options = server_options(flags);
    return options ? replay_trace(flags, options->rules) : 2;
  }
  Result<std::vector<SimFlags>> fleet = std::vector<SimFlags>{flags};
  if (flags.fleet) fleet = load_sim_fleet(*flags.fleet, flags);
  if (!fleet) {
    std::fprintf(stderr, "error: %s\n", fleet.error().detail.c_str());
    return 2;
  }
  std::vector<sim::ServerOptions> all;
  for (const SimFlags& each : *fleet) {
    auto options = server_options(each);
    if (!options) return 2;
    for (std::uint32_t i = 0; i < each.count; ++i) {
      all.push_back(*options);
      if (options->port != 0) ++options->port;
    }
  }
  raise_file_limit();
  boost::asio::io_context io(1);
  Servers servers(io, flags.on_sigterm);
  for (const sim::ServerOptions& options : all) {
    if (!servers.start(io, options)) return 1;
  }
  // Programs that start a simulator wait for these lines through a pipe.
  std::fflush(stdout);
  io.run();
  return 0;
}

}  // namespace olla::app
