#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "app/commands.h"
#include "app/gateway.h"
#include "app/sim_rules.h"
#include "app/trace_report.h"
#include "sim/server.h"

namespace olla::app {

namespace {

sim::Service service_of(const std::string& kind) {
  if (kind == "generate") return sim::Service::kGenerate;
  if (kind == "embed") return sim::Service::kEmbed;
  if (kind == "transcribe") return sim::Service::kTranscribe;
  return sim::Service::kAll;
}

}  // namespace

int sim_command(const SimFlags& flags) {
  const auto empty = [](const std::string& name) { return name.empty(); };
  if (flags.models.empty() || std::any_of(flags.models.begin(), flags.models.end(), empty) ||
      std::any_of(flags.loras.begin(), flags.loras.end(), empty)) {
    std::fputs("error: --model and --lora must not be empty\n", stderr);
    return 2;
  }
  if (flags.port + flags.count - 1 > 65535) {
    std::fputs("error: --port and --count go beyond port 65535\n", stderr);
    return 2;
  }
  const auto rules = sim_rules(flags);
  if (!rules) {
    std::fprintf(stderr, "error: %s\n", rules.error().detail.c_str());
    return 2;
  }
  if (!flags.trace.empty()) return replay_trace(flags, *rules);
  raise_file_limit();
  boost::asio::io_context io(1);
  std::vector<std::unique_ptr<sim::Server>> servers;
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) {
    for (const auto& server : servers)
      server->stop();
  });
  for (std::uint32_t i = 0; i < flags.count; ++i) {
    sim::ServerOptions options;
    if (flags.port != 0) options.port = static_cast<std::uint16_t>(flags.port + i);
    options.models = flags.models;
    options.loras = flags.loras;
    options.version = flags.vllm_version;
    options.service = service_of(flags.kind);
    options.dev_mode = flags.dev_mode;
    options.data_parallel_size = flags.data_parallel_size;
    options.prompt_tokens_details = flags.prompt_tokens_details;
    options.rules = *rules;
    options.seed = flags.seed;
    auto server = std::make_unique<sim::Server>(io, options);
    const auto port = server->start();
    if (!port) {
      std::fprintf(stderr, "error: cannot listen: %s\n", port.error().detail.c_str());
      return 1;
    }
    std::printf("listening on 127.0.0.1:%u serving %s\n", unsigned{*port},
                flags.models.front().c_str());
    servers.push_back(std::move(server));
  }
  // Programs that start a simulator wait for these lines through a pipe.
  std::fflush(stdout);
  io.run();
  return 0;
}

}  // namespace olla::app
