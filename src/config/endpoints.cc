#include "config/endpoints.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "config/ascii.h"
#include "config/auth.h"
#include "config/headers.h"
#include "config/load_models.h"
#include "config/load_proxy.h"
#include "config/section.h"
#include "config/units.h"
#include "config/url.h"

namespace olla::config {
namespace {

// A name goes out in every response's X-Olla-Endpoint.
constexpr std::size_t kNameLengthMax = 128;

/// Whether the text is the same again when it was the value of a header: visible characters, and
/// spaces only between them.
bool is_header_text(std::string_view text) {
  if (text.starts_with(' ') || text.ends_with(' ')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || is_visible(c); });
}

/// The text of `key` with its environment variables replaced.
std::optional<std::string> read_substituted(const Section& section, std::string_view key,
                                            const Environment& env) {
  const auto text = section.text(key);
  if (!text) return std::nullopt;
  auto value = substitute(*text, env);
  if (value) return *std::move(value);
  section.error(key, value.error().detail);
  return std::nullopt;
}

void read_url(const Section& section, const Environment& env, Endpoint& endpoint) {
  const auto url = read_substituted(section, "url", env);
  if (!url) {
    if (!section.has("url")) {
      section.error("url", "is missing; give one such as http://192.168.0.100:8000");
    }
    return;
  }
  const auto parsed = parse_url(*url);
  if (!parsed) {
    section.error("url", parsed.error().detail);
    return;
  }
  if (parsed->path.find('?') != std::string::npos) {
    section.error("url", "must not have a query (?)");
    return;
  }
  endpoint.url = *url;
  endpoint.address = *parsed;
  section.read("preserve_path", endpoint.preserve_path);
  if (!endpoint.preserve_path && parsed->path.find_first_not_of('/') != std::string::npos) {
    section.warning("url",
                    "its path is used for model_url and health_check_url only; for proxied "
                    "requests too with preserve_path: true");
  }
}

void read_name(const Section& section, const Environment& env, Endpoint& endpoint) {
  if (section.has("name")) {
    const auto name = read_substituted(section, "name", env);
    if (!name) return;
    endpoint.name = *name;
    if (name->size() > kNameLengthMax || !is_header_text(*name)) {
      section.error("name", "must be 1 to 128 visible ASCII characters; spaces only between them");
    }
  } else if (endpoint.address.port != 0) {
    const Url& address = endpoint.address;
    const bool is_ipv6 = address.host.find(':') != std::string::npos;
    endpoint.name =
        (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
    // A host name may have 253 characters.
    if (endpoint.name.size() > kNameLengthMax) {
      section.error("name", "is needed: host and port are longer than 128 characters");
    }
  }
}

/// The endpoint's type; openai-compatible, which asks the least of a server, while it is not known.
const Profile& read_type(const Section& section, const Profiles& profiles, Endpoint& endpoint) {
  const Profile* type = &profiles.openai_compatible();
  const std::optional<std::string> name = section.text("type");
  if (!section.has("type") || name == "auto") {
    endpoint.detects_type = true;
  } else if (const Profile* known = profiles.of_type(name.value_or(""))) {
    type = known;
  } else if (name) {
    section.error("type",
                  "must be one of: " + profiles.names() + ", auto; got " + in_quotes(*name));
  }
  endpoint.type = type->name;
  return *type;
}

/// The value of model_url or health_check_url, with the path of the endpoint's URL before it.
std::string read_path(const Section& section, std::string_view key, const Endpoint& endpoint,
                      std::string_view default_path) {
  const auto text = section.text(key);
  if (text && is_absolute_url(*text)) {
    const auto parsed = parse_url(*text);
    if (!parsed) section.error(key, parsed.error().detail);
    return *text;
  }
  if (text && !is_target_text(*text)) {
    section.error(key, "holds a character that a path cannot have");
  }
  return join_path(endpoint.address.path, text ? std::string_view(*text) : default_path);
}

void read_gpu_metrics_url(const Section& section, Endpoint& endpoint) {
  const auto text = section.text("gpu_metrics_url");
  if (!text) return;
  const auto parsed = parse_url(*text);
  if (!parsed) section.error("gpu_metrics_url", parsed.error().detail);
  endpoint.gpu_metrics_url = *text;
}

void read_checks(const Section& section, Endpoint& endpoint) {
  const auto interval = section.duration("check_interval");
  const auto timeout = section.duration("check_timeout");
  endpoint.check_interval = interval.value_or(endpoint.check_interval);
  // A timeout that nobody chose gives way to a short interval.
  endpoint.check_timeout =
      timeout.value_or(std::min(endpoint.check_timeout, endpoint.check_interval));
  if (endpoint.check_timeout > endpoint.check_interval) {
    section.error("check_timeout", "must not be longer than check_interval, which is " +
                                       duration_text(endpoint.check_interval) + "; got " +
                                       duration_text(endpoint.check_timeout));
  }
}

void read_credentials(const Section& section, const EndpointReader::Sources& sources,
                      Endpoint& endpoint, Problems& problems) {
  if (const Entry* headers = section.entry("headers")) {
    endpoint.headers = read_headers(*headers, section.path_of("headers"), sources.env, problems);
  }
  const Section auth = section.section("auth");
  const Entry* given = section.entry("auth");
  // Anything else but a mapping was reported by the line before.
  if (section.has("auth") && (given == nullptr || given->value->kind == Value::Kind::kMapping)) {
    read_auth(auth, sources.env, sources.files, endpoint.headers);
  }
  section.read("forward_client_auth", endpoint.forward_client_auth);
}

Endpoint read_endpoint(const Section& section, const EndpointReader::Sources& sources,
                       Problems& problems) {
  Endpoint endpoint;
  endpoint.line = section.line();
  read_url(section, sources.env, endpoint);
  read_name(section, sources.env, endpoint);
  const Profile& type = read_type(section, sources.profiles, endpoint);
  endpoint.model_url = read_path(section, "model_url", endpoint, type.models_path);
  endpoint.health_check_url =
      read_path(section, "health_check_url", endpoint, type.health_check_path);
  endpoint.default_model_url = !section.has("model_url");
  endpoint.default_health_check_url = !section.has("health_check_url");
  read_gpu_metrics_url(section, endpoint);
  if (const auto priority = section.integer("priority")) {
    endpoint.priority = static_cast<int>(*priority);
  }
  section.read("weight", endpoint.weight);
  section.read("max_concurrent", endpoint.max_concurrent);
  read_checks(section, endpoint);
  endpoint.health = sources.health;
  read_health_rules(section, endpoint.health);
  read_model_filter(section.section("model_filter"), endpoint.model_filter);
  read_credentials(section, sources, endpoint, problems);
  return endpoint;
}

}  // namespace

void EndpointReader::read(const Entry& list, const std::string& path) {
  if (list.value->kind != Value::Kind::kSequence) {
    problems_.error(path, list.line, "must be a list of endpoints (- url: ...)");
    return;
  }
  const std::vector<ValuePtr>& items = list.value->items;
  if (endpoints_.size() + items.size() > kEndpointsMax) {
    problems_.error(path, list.line,
                    "has more than " + std::to_string(kEndpointsMax) + " endpoints");
    return;
  }
  for (std::size_t i = 0; i < items.size() && !problems_.full(); ++i) {
    const Value& item = *items[i];
    const std::string item_path = path + "[" + std::to_string(i) + "]";
    if (item.kind != Value::Kind::kMapping) {
      problems_.error(item_path, item.line, "must be a mapping with a url");
      continue;
    }
    const Section section(item, {item_path, "endpoints[]", item.line}, problems_);
    endpoints_.push_back(read_endpoint(section, sources_, problems_));
    check_unique(section, endpoints_.back());
  }
}

void EndpointReader::check_unique(const Section& section, const Endpoint& endpoint) {
  // What is empty was reported already.
  if (endpoint.name.empty()) return;
  const auto [first, is_new] = name_lines_.try_emplace(endpoint.name, section.line_of("name"));
  if (is_new) return;
  // As the file has it: what a variable holds is shown nowhere.
  const auto written = section.text("name");
  section.error("name", (written ? in_quotes(*written) + " " : "host and port without a name ") +
                            "is the name of the endpoint on line " + std::to_string(first->second) +
                            " too");
}

}  // namespace olla::config
