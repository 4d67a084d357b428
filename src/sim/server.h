#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/types.h"
#include "sim/engine.h"
#include "sim/failure.h"
#include "sim/fault.h"
#include "sim/middleware.h"
#include "sim/routes.h"
#include "sim/tools.h"

namespace olla::sim {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;           ///< 0: the system picks a free one.
  std::string version = "0.32.0";   ///< Of vLLM; before 0.12 it has the manners of 0.11.
  std::vector<std::string> models;  ///< At least one. All are accepted; the first is in answers.
  std::vector<std::string> loras;   ///< Names of LoRA adapters, which are their paths too.
  Service service = Service::kAll;  ///< What it is there for; other routes do not exist.
  MiddlewareOptions middleware;
  bool dev_mode = false;               ///< With vLLM's routes for sleep, pause and the like.
  bool lora_updating = false;          ///< With those that load and unload adapters.
  bool scale_out = false;              ///< With those of scale-out.
  bool load_tracking = false;          ///< /load tells how many requests are being answered.
  bool force_usage = false;            ///< Each stream tells its usage.
  std::size_t stream_interval = 1;     ///< Tokens of an event, but for the first and the last one.
  std::size_t data_parallel_size = 1;  ///< Engines, each under the rules.
  bool prompt_tokens_details = false;  ///< Usage tells how much of a prompt was cached.
  ParserFlags parsers;
  EngineRules rules;
  std::vector<Fault> faults;  ///< Their time is counted from start(); their seed is `seed`.
  std::uint64_t seed = 0;     ///< Servers with equal seeds give equal answers.
};

/// One simulated vLLM server: the API over sockets, with the manners of uvicorn. Idle connections
/// are closed after 5 s; a client that leaves, or only closes its sending side, ends what was being
/// generated for it.
///
/// Lives on the thread that runs `io`; many servers may share one. Destroy it only while `io` does
/// not run, or after stop() once `io` has no more work; `io` must outlive it.
class Server {
 public:
  Server(net::asio::io_context& io, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Listens, and serves as long as `io` runs. Returns the port.
  /// Errors: kRefused, side kGateway, with the address in `detail`.
  Result<std::uint16_t> start();

  /// Stops listening and cuts every connection. Then `io` runs out of this server's work.
  void stop();

  /// What SIGTERM does to a real server: kDraining finishes what runs and begins nothing, kHung
  /// closes the port and leaves what runs open and silent.
  void terminate(Condition condition);
  /// Nothing is left that a server in its condition would stay for: requests that run when it
  /// drains, connections when it hangs.
  [[nodiscard]] bool finished() const;

  /// For tests and summaries.
  [[nodiscard]] const EngineStats& stats() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace olla::sim
