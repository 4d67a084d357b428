#include "app/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "config/override.h"
#include "net/listener.h"

namespace olla::app {
namespace {

// Olla's, and one name of ours.
constexpr const char* kPlaces[] = {"config/config.local.yaml", "config/config.yaml", "config.yaml",
                                   "olla.yaml", "default.yaml"};

// Where `vllm serve` listens.
constexpr std::string_view kWithoutFile =
    "endpoints: [{url: 'http://localhost:8000', name: 'localhost:8000', type: vllm}]";

// As many as Linux follows.
constexpr int kLinksMax = 40;

/// Makes what is missing of the folder `wanted`, outermost first, and appends what was made.
bool make_folders(const std::filesystem::path& wanted, std::vector<std::filesystem::path>& made) {
  std::error_code error;
  if (std::filesystem::is_directory(wanted, error)) return true;
  if (!wanted.has_relative_path() || !make_folders(wanted.parent_path(), made)) return false;
  if (::mkdir(wanted.c_str(), 0755) != 0) return false;
  made.push_back(wanted);
  return true;
}

/// What a file's name stands for in the end, which need not exist. More links than the system
/// follows stay, for it to refuse.
std::filesystem::path behind_links(std::filesystem::path file) {
  std::error_code error;
  for (int i = 0; i < kLinksMax && std::filesystem::is_symlink(file, error); ++i)
    file = file.parent_path() / std::filesystem::read_symlink(file, error);
  return file;
}

/// Whether a file can be written, or made when there is none; else errno tells why. It is not made:
/// a gateway that rotates its log may open it between this and its removal, and lose its lines.
bool can_write(const std::filesystem::path& file) {
  // Without a wait for whoever might read a pipe of that name.
  const int opened = ::open(file.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
  if (opened >= 0) return ::close(opened) == 0;
  if (errno != ENOENT) return false;
  std::string other = (file.parent_path() / ".olla.log.XXXXXX").string();
  const int made = ::mkostemp(other.data(), O_CLOEXEC);
  if (made < 0) return false;
  ::close(made);
  return ::unlink(other.c_str()) == 0;
}

/// Why the log's file could not be written, or "". Nothing that it makes to find out stays.
std::string log_fault(const config::Logging& logging) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path file = fs::absolute(fs::path(logging.directory) / "olla.log", error);
  if (fs::is_directory(file, error)) return "holds a directory of the name olla.log";
  // Tried and not judged by its rights: those of root say nothing about a read-only file system.
  std::vector<fs::path> made;
  std::string fault;
  errno = 0;
  if (!make_folders(file.parent_path(), made)) {
    fault = "cannot be made";
  } else if (!can_write(behind_links(file))) {
    fault = "cannot be written";
  }
  const int reason = errno;
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder)
    fs::remove(*folder, error);
  if (!fault.empty() && reason != 0) fault += ": " + std::generic_category().message(reason);
  return fault;
}

/// Of Olla's file with what names of models say, where it lies by custom.
void warn_of_models_file(const std::string& config_file, std::vector<config::Problem>& warnings) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::set<fs::path> seen;
  std::vector<fs::path> places = {"config/models.yaml"};
  if (!config_file.empty()) places.push_back(fs::path(config_file).parent_path() / "models.yaml");
  for (const fs::path& place : places) {
    if (!fs::exists(place, error) || !seen.insert(fs::weakly_canonical(place, error)).second)
      continue;
    config::Problem problem{"", 0,
                            "is not read: what names of models say of their families and abilities "
                            "is built in"};
    problem.file = place.string();
    warnings.push_back(std::move(problem));
  }
}

ChosenConfig load_chosen(const std::optional<std::string>& file, const config::Environment& env) {
  if (file) return {*file, config::load_file(*file, env)};
  return {"", config::load(kWithoutFile, env, config::system_secret_files())};
}

}  // namespace

std::optional<std::string> find_config_file(const config::Environment& env) {
  auto named = env("OLLA_CONFIG_FILE");
  if (named && !named->empty()) return named;
  for (const char* place : kPlaces) {
    std::error_code error;
    if (std::filesystem::exists(place, error)) return place;
  }
  return std::nullopt;
}

bool shows_version(const config::Environment& env) {
  return config::truth(env("OLLA_SHOW_VERSION").value_or("")).value_or(false);
}

ChosenConfig choose_config(const std::optional<std::string>& file, const config::Environment& env,
                           const std::vector<std::string>& variables) {
  std::set<std::string> asked = {"OLLA_CONFIG_FILE", "OLLA_SHOW_VERSION"};
  const config::Environment noting = [&asked, &env](const std::string& name) {
    asked.insert(name);
    return env(name);
  };
  ChosenConfig chosen = load_chosen(file ? file : find_config_file(env), noting);
  std::vector<config::Problem>& warnings = chosen.loaded.warnings;
  if (chosen.loaded.read) {
    for (config::Problem& unknown : config::unknown_variables(variables, asked, env))
      warnings.push_back(std::move(unknown));
  }
  warn_of_models_file(chosen.file, warnings);
  const config::Logging& logging = chosen.loaded.config.logging;
  if (chosen.loaded.errors.empty() && logging.output == config::LogOutput::kFile) {
    std::string fault = log_fault(logging);
    if (!fault.empty()) {
      chosen.loaded.errors.push_back({"logging.directory", 0, std::move(fault)});
    }
  }
  return chosen;
}

std::optional<config::Problem> listen_fault(const config::Server& server) {
  const auto can = net::Listener::check(server.host, server.port);
  if (can) return std::nullopt;
  return config::Problem{"server.host", 0,
                         "cannot listen on " + config::in_quotes(server.host) + ", port " +
                             std::to_string(server.port) + ": " + can.error().detail};
}

}  // namespace olla::app
