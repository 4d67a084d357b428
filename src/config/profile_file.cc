#include "config/profile_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/ascii.h"
#include "config/document.h"

namespace olla::config {
namespace {

namespace files_of = std::filesystem;

// Behind /olla/ they mean something else.
constexpr auto kReserved = std::to_array<std::string_view>({"proxy", "anthropic", "models"});

Error unreadable(std::string detail) {
  return {Errc::kMalformed, Side::kGateway, std::move(detail)};
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

/// Reads one file. What Olla's profiles hold beside the keys that count here is passed over.
class ProfileReader {
 public:
  explicit ProfileReader(Problems& problems) : problems_(problems) {}

  /// What the file says on top of `defaults_of(name)`.
  template <class DefaultsOf>
  std::optional<Profile> read(const Value& root, const DefaultsOf& defaults_of) {
    if (root.kind != Value::Kind::kMapping) {
      problems_.error("", root.line, "must be a mapping with a name");
      return std::nullopt;
    }
    const auto name = text(root, "", "name");
    if (!name || !is_word(*name)) {
      problems_.error("name", line_of(root, "name"),
                      "must be 1 to 64 letters, digits, '-', '_' and '.'");
      return std::nullopt;
    }
    Profile profile = defaults_of(*name);
    profile.name = *name;
    read_routing(root, profile);
    if (const Value* api = mapping(root, "", "api")) read_api(*api, profile);
    read_format(root, profile);
    return profile;
  }

 private:
  void read_routing(const Value& root, Profile& profile) {
    const Value* routing = mapping(root, "", "routing");
    if (routing == nullptr) return;
    const auto prefixes = texts(*routing, "routing", "prefixes");
    if (!prefixes) return;
    profile.prefixes = *prefixes;
    for (const std::string& prefix : profile.prefixes) {
      if (!is_word(prefix) ||
          std::find(kReserved.begin(), kReserved.end(), prefix) != kReserved.end())
        problems_.error("routing.prefixes", line_of(*routing, "prefixes"),
                        "cannot hold " + in_quotes(prefix));
    }
  }

  void read_api(const Value& api, Profile& profile) {
    profile.openai_compatible =
        boolean(api, "api", "openai_compatible").value_or(profile.openai_compatible);
    read_path(api, "api", "health_check_path", profile.health_check_path);
    read_path(api, "api", "model_discovery_path", profile.models_path);
    read_paths(api, "paths", profile.paths);
    read_paths(api, "management_paths", profile.management_paths);
    const Value* messages = mapping(api, "api", "anthropic_support");
    if (messages == nullptr) return;
    const std::string path = "api.anthropic_support";
    if (profile.messages_path.empty()) profile.messages_path = "/v1/messages";
    read_path(*messages, path, "messages_path", profile.messages_path);
    if (!boolean(*messages, path, "enabled").value_or(true)) profile.messages_path.clear();
  }

  void read_format(const Value& root, Profile& profile) {
    const Value* request = mapping(root, "", "request");
    if (request == nullptr) return;
    const std::string format =
        lower_ascii(text(*request, "request", "response_format").value_or(""));
    if (format.empty()) return;
    profile.model_list = ModelListFormat::kOpenAi;
    if (format.find("ollama") != std::string::npos) profile.model_list = ModelListFormat::kOllama;
    if (format.find("studio") != std::string::npos) profile.model_list = ModelListFormat::kLmStudio;
    if (format.find("lemonade") != std::string::npos)
      profile.model_list = ModelListFormat::kLemonade;
  }

  void read_path(const Value& node, const std::string& parent, const char* key,
                 std::string& target) {
    const auto path = text(node, parent, key);
    if (!path) return;
    check_path(node, parent, key, *path);
    target = *path;
  }

  void read_paths(const Value& api, const char* key, std::vector<std::string>& target) {
    const auto paths = texts(api, "api", key);
    if (!paths) return;
    for (const std::string& path : *paths)
      check_path(api, "api", key, path);
    target = *paths;
  }

  void check_path(const Value& node, const std::string& parent, const char* key,
                  const std::string& path) {
    const bool plain = std::all_of(path.begin(), path.end(), [](char c) { return is_visible(c); });
    if (!path.starts_with('/') || !plain || path.find_first_of("?#") != std::string::npos)
      problems_.error(path_of(parent, key), line_of(node, key),
                      "must begin with / and have no query; got " + in_quotes(path));
  }

  const Value* value(const Value& node, const char* key) {
    const Entry* entry = node.find(key);
    return entry == nullptr || entry->value->kind == Value::Kind::kNull ? nullptr
                                                                        : entry->value.get();
  }

  const Value* mapping(const Value& node, const std::string& parent, const char* key) {
    const Value* found = value(node, key);
    if (found == nullptr || found->kind == Value::Kind::kMapping) return found;
    problems_.error(path_of(parent, key), found->line, "must be a mapping (key: value)");
    return nullptr;
  }

  std::optional<std::string> text(const Value& node, const std::string& parent, const char* key) {
    const Value* found = value(node, key);
    if (found == nullptr) return std::nullopt;
    if (found->kind == Value::Kind::kScalar && !found->text.empty()) return found->text;
    problems_.error(path_of(parent, key), found->line, "must be a text");
    return std::nullopt;
  }

  std::optional<bool> boolean(const Value& node, const std::string& parent, const char* key) {
    const Value* found = value(node, key);
    if (found == nullptr) return std::nullopt;
    const std::string word = lower_ascii(found->text);
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    problems_.error(path_of(parent, key), found->line, "must be true or false");
    return std::nullopt;
  }

  std::optional<std::vector<std::string>> texts(const Value& node, const std::string& parent,
                                                const char* key) {
    const Value* found = value(node, key);
    if (found == nullptr) return std::nullopt;
    std::vector<std::string> out;
    bool sound = found->kind == Value::Kind::kSequence;
    for (const ValuePtr& item : found->items) {
      sound = sound && item->kind == Value::Kind::kScalar;
      out.push_back(item->text);
    }
    if (sound) return out;
    problems_.error(path_of(parent, key), found->line, "must be a list of texts");
    return std::nullopt;
  }

  static std::string path_of(const std::string& parent, const char* key) {
    return parent.empty() ? key : parent + "." + key;
  }

  static std::size_t line_of(const Value& node, const char* key) {
    const Entry* entry = node.find(key);
    return entry == nullptr ? node.line : entry->line;
  }

  Problems& problems_;
};

/// The profile with one of these names, or nullptr.
const Profile* find_owner(const std::vector<Profile>& profiles, const std::string& prefix,
                          const std::string& except) {
  for (const Profile& profile : profiles) {
    if (profile.name == except) continue;
    if (profile.name == prefix || std::find(profile.prefixes.begin(), profile.prefixes.end(),
                                            prefix) != profile.prefixes.end())
      return &profile;
  }
  return nullptr;
}

Profile defaults_for(const std::string& name) {
  for (const Profile& profile : builtin_profiles()->all()) {
    if (profile.name == name) return profile;
  }
  Profile profile;
  profile.prefixes = {name};
  profile.health_check_path = "/";
  profile.models_path = "/v1/models";
  return profile;
}

void read_one(const ProfileFile& file, std::vector<Profile>& profiles,
              std::vector<std::string>& names, Problems& problems) {
  const ValuePtr document = parse_document(file.text, problems);
  if (!document) return;
  auto profile = ProfileReader(problems).read(*document, defaults_for);
  if (!profile) return;
  if (std::find(names.begin(), names.end(), profile->name) != names.end())
    problems.error("name", 0, in_quotes(profile->name) + " is the name of another file's profile");
  names.push_back(profile->name);
  for (const std::string& prefix : profile->prefixes) {
    const Profile* owner = find_owner(profiles, prefix, profile->name);
    if (owner != nullptr)
      problems.error("routing.prefixes", 0,
                     in_quotes(prefix) + " belongs to the profile " + owner->name);
  }
  const auto found = std::find_if(profiles.begin(), profiles.end(), [&](const Profile& known) {
    return known.name == profile->name;
  });
  if (found == profiles.end()) {
    profiles.push_back(std::move(*profile));
  } else {
    *found = std::move(*profile);
  }
}

Result<std::string> read_text(const files_of::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return unreadable("cannot be opened: " + std::generic_category().message(errno));
  std::string text;
  std::array<char, 65536> piece{};
  // One byte over the limit is enough for the parser to refuse the file.
  while (text.size() <= kDocumentBytesMax && in.read(piece.data(), piece.size()).gcount() > 0)
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return unreadable("cannot be read");
  return text;
}

Result<std::vector<ProfileFile>> read_folder(const files_of::path& folder) {
  std::error_code error;
  std::vector<files_of::path> paths;
  for (files_of::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string extension = at->path().extension().string();
    std::error_code unused;
    if ((extension == ".yaml" || extension == ".yml") && at->is_regular_file(unused))
      paths.push_back(at->path());
  }
  if (error) return unreadable("cannot be read: " + error.message());
  if (paths.size() > kProfileFilesMax)
    return unreadable("has more than " + std::to_string(kProfileFilesMax) + " files");
  std::sort(paths.begin(), paths.end());
  std::vector<ProfileFile> files;
  for (const files_of::path& path : paths) {
    auto text = read_text(path);
    if (!text) return unreadable("has a file that " + text.error().detail);
    files.push_back({path.string(), *std::move(text)});
  }
  return files;
}

}  // namespace

ProfileFiles system_profile_files(const std::string& config_path) {
  return [own = files_of::path(config_path).parent_path()](
             const std::optional<std::string>& folder) -> Result<std::vector<ProfileFile>> {
    if (folder) return read_folder(own / *folder);
    for (const files_of::path& place :
         {own / "profiles", own / "config" / "profiles", files_of::path("config/profiles")}) {
      std::error_code error;
      if (files_of::is_directory(place, error)) return read_folder(place);
    }
    return std::vector<ProfileFile>();
  };
}

ProfileFiles no_profile_files() {
  return [](const std::optional<std::string>&) -> Result<std::vector<ProfileFile>> {
    return std::vector<ProfileFile>();
  };
}

std::shared_ptr<const Profiles> read_profiles(const std::vector<ProfileFile>& files,
                                              std::vector<Problem>& errors) {
  if (files.empty()) return builtin_profiles();
  const std::span<const Profile> known = builtin_profiles()->all();
  std::vector<Profile> profiles(known.begin(), known.end());
  std::vector<std::string> names;
  for (const ProfileFile& file : files) {
    Problems problems;
    read_one(file, profiles, names, problems);
    for (Problem& problem : problems.take_errors()) {
      problem.file = file.path;
      errors.push_back(std::move(problem));
    }
  }
  return std::make_shared<const Profiles>(std::move(profiles));
}

}  // namespace olla::config
