#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "app/commands.h"
#include "app/gateway.h"
#include "sim/server.h"

namespace olla::app {
namespace {

constexpr const char* kLargeModel = "meta-llama/Meta-Llama-3-8B-Instruct";
constexpr const char* kSmallModel = "mistralai/Mistral-7B-Instruct-v0.2";

/// Simulated servers on a thread of their own, as far from the gateway as one process allows.
class SimulatedFleet {
 public:
  SimulatedFleet() : work_(boost::asio::make_work_guard(io_)) {}
  // NOLINTNEXTLINE(bugprone-exception-escape): without memory to stop, the process may as well end.
  ~SimulatedFleet() {
    boost::asio::post(io_, [this] {
      for (const auto& server : servers_)
        server->stop();
      work_.reset();
    });
    if (thread_.joinable()) thread_.join();
  }
  SimulatedFleet(const SimulatedFleet&) = delete;
  SimulatedFleet& operator=(const SimulatedFleet&) = delete;

  /// Adds a server; all of them before run(). Returns its port.
  Result<std::uint16_t> add(const std::string& model) {
    sim::ServerOptions options;
    options.models = {model};
    options.prompt_tokens_details = true;
    options.load_tracking = true;
    options.rules.profile = sim::engine::builtin_profile("demo");
    servers_.push_back(std::make_unique<sim::Server>(io_, options));
    return servers_.back()->start();
  }

  void run() {
    thread_ = std::thread([this] { io_.run(); });
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::unique_ptr<sim::Server>> servers_;
  std::thread thread_;
};

config::Endpoint describe(const std::string& name, std::uint16_t port) {
  config::Endpoint endpoint;
  endpoint.name = name;
  endpoint.type = "vllm";
  endpoint.address = {.scheme = "http", .host = "127.0.0.1", .path = "/", .port = port};
  endpoint.url = "http://" + endpoint.address.authority();
  endpoint.model_url = "/v1/models";
  endpoint.health_check_url = "/health";
  return endpoint;
}

void print_examples(std::uint16_t port) {
  std::printf(
      "\nThree simulated vLLM servers are running behind http://localhost:%u. Try:\n\n"
      "  curl http://localhost:%u/olla/vllm/v1/models\n\n"
      "  curl -N http://localhost:%u/olla/vllm/v1/chat/completions -H 'Content-Type: "
      "application/json' -d '{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\","
      "\"content\":\"Why use a gateway?\"}]}'\n\n"
      "  curl -i http://localhost:%u/olla/vllm/v1/completions -H 'Content-Type: application/json' "
      "-d '{\"model\":\"%s\",\"prompt\":\"PagedAttention is\",\"max_tokens\":40}'\n\n"
      "Stop with Ctrl-C.\n\n",
      unsigned{port}, unsigned{port}, unsigned{port}, kLargeModel, unsigned{port}, kSmallModel);
  std::fflush(stdout);
}

}  // namespace

int demo_command(std::uint16_t port) {
  SimulatedFleet fleet;
  config::Config config;
  config.server.port = port;
  config.logging.format = config::LogFormat::kText;
  struct Member {
    const char* name;
    const char* model;
  };
  for (const Member& member :
       {Member{"gpu-a", kLargeModel}, Member{"gpu-b", kLargeModel}, Member{"gpu-c", kSmallModel}}) {
    const auto chosen = fleet.add(member.model);
    if (!chosen) {
      std::fprintf(stderr, "error: cannot listen: %s\n", chosen.error().detail.c_str());
      return 1;
    }
    config.endpoints.push_back(describe(member.name, *chosen));
  }
  fleet.run();
  log::Logger logger(config.logging);
  return run_gateway(config, logger, print_examples, exit_soon);
}

}  // namespace olla::app
