#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace olla::config {

/// The document in which a server lists its models.
enum class ModelListFormat : std::uint8_t { kOpenAi, kOllama, kLmStudio, kLemonade };

/// What is known about one kind of inference server.
struct Profile {
  std::string name;  ///< Canonical; what Endpoint::type holds.
  /// What stands behind /olla/ in the paths of its endpoints; an endpoint's `type` may be written
  /// so too.
  std::vector<std::string> prefixes;
  std::string health_check_path;  ///< Default of health_check_url.
  std::string models_path;        ///< Default of model_url.
  ModelListFormat model_list = ModelListFormat::kOpenAi;
  /// Where it speaks Anthropic's Messages API; empty: it does not.
  std::string messages_path = {};
  /// Routes that it is known to have, for requests that may go to several kinds of servers. No list
  /// of what is allowed: everything else reaches the server too.
  std::vector<std::string> paths = {};
  /// Routes that change the server, its models or its users: no client's business. '*' at the end
  /// stands for any rest.
  std::vector<std::string> management_paths = {};
  bool openai_compatible = true;  ///< Whether it answers under /olla/openai/.
};

/// The kinds of servers that there are. Immutable; profiles stay where they are.
class Profiles {
 public:
  /// Each name and each prefix belongs to one profile only. One is named "openai-compatible".
  explicit Profiles(std::vector<Profile> profiles);
  Profiles(const Profiles&) = delete;
  Profiles& operator=(const Profiles&) = delete;

  /// The profile of an endpoint's `type`: by name or prefix, whatever the case of its letters, with
  /// '_' for '-' or not. nullptr when there is none.
  [[nodiscard]] const Profile* of_type(std::string_view type) const;
  /// The profile of a path's first segment behind /olla/, compared exactly; or nullptr.
  [[nodiscard]] const Profile* of_prefix(std::string_view prefix) const;
  /// Those that are known to have a path; none: it is not known.
  [[nodiscard]] std::span<const Profile* const> with_path(std::string_view path) const;
  /// What is asked the least of: "openai-compatible".
  [[nodiscard]] const Profile& openai_compatible() const;

  [[nodiscard]] std::span<const Profile> all() const { return profiles_; }
  /// With commas between them, for messages.
  [[nodiscard]] std::string names() const;
  [[nodiscard]] std::string prefixes() const;

 private:
  std::vector<Profile> profiles_;
  std::map<std::string, std::vector<const Profile*>, std::less<>> by_path_;
};

/// The profiles that need no file.
const std::shared_ptr<const Profiles>& builtin_profiles();

}  // namespace olla::config
