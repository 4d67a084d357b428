#include "app/sim_fleet.h"

#include <fstream>
#include <iterator>
#include <limits>

#include "config/document.h"
#include "config/problem.h"
#include "config/units.h"
#include "sim/routes.h"

namespace olla::app {
namespace {

using config::Value;
using Kind = config::Value::Kind;

// Servers of one entry, as for --count.
constexpr std::uint64_t kCountMax = 1000;
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

/// Reads one entry of `servers`.
class ServerReader {
 public:
  ServerReader(config::Problems& problems, std::string path, SimFlags& out)
      : problems_(problems), path_(std::move(path)), out_(out) {}

  void read(const Value& server) {
    if (server.kind != Kind::kMapping) return problems_.error(path_, server.line, "must be a map");
    // With a pace from the command line a profile would not count.
    if (server.find("profile") != nullptr) {
      out_.ttft.reset();
      out_.itl.reset();
    }
    for (const config::Entry& entry : server.entries) {
      member(entry.key, *entry.value);
    }
    if (out_.port != 0 && out_.port + out_.count - 1 > 65535) {
      problems_.error(path_, server.line, "goes beyond port 65535");
    }
  }

 private:
  void member(const std::string& key, const Value& value) {
    if (names(key, value) || number(key, value) || engine_number(key, value) || time(key, value) ||
        word(key, value) || choice(key, value) || flag(key, value)) {
      return;
    }
    problems_.error(path_ + "." + config::printable(key), value.line, "is no known key");
  }

  bool names(const std::string& key, const Value& value) {
    std::vector<std::string>* const out = key == "models"            ? &out_.models
                                          : key == "loras"           ? &out_.loras
                                          : key == "faults"          ? &out_.faults
                                          : key == "api_keys"        ? &out_.api_keys
                                          : key == "allowed_origins" ? &out_.allowed_origins
                                                                     : nullptr;
    if (out == nullptr) return false;
    out->clear();
    bool right = value.kind == Kind::kSequence;
    for (const config::ValuePtr& item : value.items) {
      right = right && item->kind == Kind::kScalar && !item->text.empty();
      out->push_back(item->text);
    }
    if (!right || (out->empty() && key == "models")) wrong(key, value, "a list of names");
    return true;
  }

  template <class Number>
  void whole(const std::string& key, const Value& value, std::uint64_t min, std::uint64_t max,
             Number& out) {
    const auto read = config::parse_whole_number(value.text);
    if (value.kind != Kind::kScalar || !read || *read < min || *read > max) {
      return wrong(key, value, "a whole number in its range");
    }
    out = static_cast<Number>(*read);
  }

  bool number(const std::string& key, const Value& value) {
    if (key == "port") {
      whole(key, value, 0, 65535, out_.port);
    } else if (key == "count") {
      whole(key, value, 1, kCountMax, out_.count);
    } else if (key == "seed") {
      whole(key, value, 0, kAny, out_.seed);
    } else if (key == "data_parallel_size") {
      whole(key, value, 1, 64, out_.data_parallel_size);
    } else if (key == "stream_interval") {
      whole(key, value, 1, kStreamIntervalMax, out_.stream_interval);
    } else {
      return false;
    }
    return true;
  }

  bool engine_number(const std::string& key, const Value& value) {
    if (key == "max_num_seqs") {
      whole(key, value, 1, 1'000'000, out_.max_num_seqs);
    } else if (key == "max_num_batched_tokens") {
      whole(key, value, 1, 1'000'000, out_.max_num_batched_tokens);
    } else if (key == "num_gpu_blocks_override") {
      whole(key, value, 1, 10'000'000, out_.num_gpu_blocks);
    } else if (key == "max_num_queued_reqs") {
      whole(key, value, 0, kAny, out_.max_num_queued_reqs);
    } else if (key == "max_model_len") {
      whole(key, value, 16, 100'000'000, out_.max_model_len);
    } else {
      return false;
    }
    return true;
  }

  bool time(const std::string& key, const Value& value) {
    if (key != "ttft" && key != "itl") return false;
    const auto read = config::parse_duration(value.text);
    if (value.kind != Kind::kScalar || !read) {
      wrong(key, value, "a duration such as 50ms");
    } else {
      (key == "ttft" ? out_.ttft : out_.itl) = *read;
    }
    return true;
  }

  bool word(const std::string& key, const Value& value) {
    std::string* const out = key == "vllm_version"       ? &out_.vllm_version
                             : key == "profile"          ? &out_.profile
                             : key == "tool_call_parser" ? &out_.tool_call_parser
                             : key == "reasoning_parser" ? &out_.reasoning_parser
                                                         : nullptr;
    if (out == nullptr) return false;
    *out = value.text;
    if (value.kind != Kind::kScalar || value.text.empty()) {
      wrong(key, value,
            key == "profile"        ? "a name or a file"
            : key == "vllm_version" ? "a version"
                                    : "a name");
    }
    return true;
  }

  bool choice(const std::string& key, const Value& value) {
    if (key == "kind") {
      out_.kind = value.text;
      if (!sim::service_of(value.text)) {
        wrong(key, value, "generate, embed, rerank, classify, transcribe or all");
      }
    } else if (key == "scheduling_policy") {
      out_.policy = value.text;
      if (value.text != "fcfs" && value.text != "priority") wrong(key, value, "fcfs or priority");
    } else {
      return false;
    }
    return true;
  }

  bool flag(const std::string& key, const Value& value) {
    bool* const out = key == "dev_mode"                       ? &out_.dev_mode
                      : key == "allow_runtime_lora_updating"  ? &out_.lora_updating
                      : key == "enable_scale_out"             ? &out_.scale_out
                      : key == "enable_server_load_tracking"  ? &out_.load_tracking
                      : key == "enable_force_include_usage"   ? &out_.force_usage
                      : key == "enable_request_id_headers"    ? &out_.request_id_headers
                      : key == "enable_prefix_caching"        ? &out_.prefix_caching
                      : key == "enable_prompt_tokens_details" ? &out_.prompt_tokens_details
                      : key == "enable_auto_tool_choice"      ? &out_.auto_tool_choice
                                                              : nullptr;
    if (out == nullptr) return false;
    *out = value.text == "true";
    if (value.text != "true" && value.text != "false") wrong(key, value, "true or false");
    return true;
  }

  void wrong(const std::string& key, const Value& value, const std::string& wanted) {
    problems_.error(path_ + "." + key, value.line, "must be " + wanted);
  }

  config::Problems& problems_;
  std::string path_;
  SimFlags& out_;
};

void read_servers(const Value& servers, const SimFlags& defaults, config::Problems& problems,
                  std::vector<SimFlags>& out) {
  if (servers.kind != Kind::kSequence || servers.items.empty()) {
    return problems.error("servers", servers.line, "must be a list of servers");
  }
  for (std::size_t i = 0; i < servers.items.size(); ++i) {
    SimFlags& flags = out.emplace_back(defaults);
    ServerReader reader(problems, "servers[" + std::to_string(i) + "]", flags);
    reader.read(*servers.items[i]);
  }
}

void read_root(const Value& root, SimFlags defaults, config::Problems& problems,
               std::vector<SimFlags>& out) {
  const config::Entry* const servers = root.find("servers");
  if (root.kind != Kind::kMapping || servers == nullptr) {
    return problems.error("servers", root.line, "is missing");
  }
  defaults.count = 1;
  for (const config::Entry& entry : root.entries) {
    if (entry.key == "servers") continue;
    const auto seed = config::parse_whole_number(entry.value->text);
    if (entry.key != "seed") {
      problems.error(config::printable(entry.key), entry.line, "is no known key");
    } else if (!seed) {
      problems.error("seed", entry.line, "must be a whole number");
    } else {
      defaults.seed = *seed;
    }
  }
  read_servers(*servers->value, defaults, problems, out);
}

}  // namespace

Result<std::vector<SimFlags>> read_sim_fleet(std::string_view yaml, const std::string& file,
                                             const SimFlags& defaults) {
  config::Problems problems;
  std::vector<SimFlags> out;
  const config::ValuePtr root = config::parse_document(yaml, problems);
  if (root != nullptr) read_root(*root, defaults, problems, out);
  std::string detail;
  for (const config::Problem& problem : problems.take_errors()) {
    detail += (detail.empty() ? "" : "\n") + config::to_text(problem, file);
  }
  if (!detail.empty()) return Error{Errc::kMalformed, Side::kGateway, std::move(detail)};
  return out;
}

Result<std::vector<SimFlags>> load_sim_fleet(const std::string& file, const SimFlags& defaults) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.good() && text.empty()) {
    return Error{Errc::kRefused, Side::kGateway, file + ": cannot be read"};
  }
  return read_sim_fleet(text, file, defaults);
}

}  // namespace olla::app
